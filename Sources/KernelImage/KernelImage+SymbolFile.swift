/// Names for an image whose own cannot be decoded, from a file beside it: a System.map, as `nm -n` prints it, or an ELF file of the same
/// kernel with a symbol table, such as the vmlinux of a distribution's debug package.

extension KernelImage {
  /// Larger files are refused before they are read: a vmlinux with debug information has up to a gigabyte.
  public static let largestSymbolFile = 1 << 31

  /// Takes the file's symbols in place of the image's own, and its line tables, where it has any.
  ///
  /// - Throws: when the file cannot be read, contradicts its format, or is another kernel's as far as that can be told.
  public mutating func takeSymbols(contentsOf path: String) throws(ImageError) {
    let own = symbols.lookup("_stext")
    let bytes = try readRegularFile(path, atMost: KernelImage.largestSymbolFile)
    try takeSymbols(bytes: bytes, name: path)
    guard bytes.holds(ELFImage.magic, at: 0) else { return }
    var shift: UInt64 = 0
    if let own, let given = symbols.lookup("_stext") { shift = own &- given }
    sourceLines = SourceLines(contentsOf: path, shift: shift)
  }

  public mutating func takeSymbols(bytes: [UInt8], name: String) throws(ImageError) {
    let file = ImageBytes(bytes: bytes, name: name, part: .file)
    // What Linux links at 0 (to 6.14) are its per-CPU variables: their addresses are offsets, and no places.
    let ranges = loadSegments.filter { $0.virtualAddress != 0 }.map(\.virtualRange)
    let table: SymbolTable
    if bytes.holds(ELFImage.magic, at: 0) {
      let other = try ELFImage(file)
      try requireSameBuild(other, file)
      guard let own = try other.symbols(in: ranges) else { throw file.malformed(at: 40, "an ELF file without .symtab") }
      table = own
    } else {
      table = try SystemMap.symbols(file, ranges)
    }
    guard table.symbols.contains(where: { symbol in ranges.contains { $0.contains(symbol.address) } }) else {
      throw file.malformed(at: 0, "none of its \(table.count) symbols lies in \(self.name): another kernel's")
    }
    symbols = table
    symbolsAreGiven = true
  }

  /// The linker's build ID, where both files have one, is the same.
  private func requireSameBuild(_ other: ELFImage, _ file: ImageBytes) throws(ImageError) {
    func buildID(_ notes: [ELFNote]) -> ELFNote? { notes.first { $0.owner == "GNU" && $0.type == ELFNote.buildID } }
    guard let own = buildID(notes), let its = buildID(try other.notes()) else { return }
    func text(_ note: ELFNote) -> String {
      note.descriptor.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
    guard own.descriptor == its.descriptor else {
      throw file.malformed(at: its.offset, "another kernel's: build ID \(text(its)), and \(name) has \(text(own))")
    }
  }
}
