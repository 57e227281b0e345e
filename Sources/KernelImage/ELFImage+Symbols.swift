/// The symbol table of an ELF file that was not stripped.
/// System V Application Binary Interface, "Object Files", section "Symbol Table". Types are given as `nm` letters, as in kallsyms.

extension ELFImage {
  public var hasSymbolTable: Bool { sections.contains { $0.type == SectionType.symbolTable } }

  /// The symbols of .symtab, which name the addresses of `ranges`; nil for a file without one.
  func symbols(in ranges: [Range<UInt64>]) throws(ImageError) -> SymbolTable? {
    guard let table = sections.first(where: { $0.type == SectionType.symbolTable }) else { return nil }
    let size = ELFClass.Symbol.size(fileClass)
    guard table.entrySize == size else {
      throw image.malformed(
        at: table.header + ELFClass.Section.entrySize(fileClass),
        "symbols of \(table.entrySize) bytes instead of \(size)")
    }
    guard table.link < sections.count, sections[Int(table.link)].type == SectionType.stringTable else {
      throw image.malformed(
        at: table.header + ELFClass.Section.link(fileClass),
        "section \(table.link) is to hold the symbols' names and does not")
    }
    let names = try contents(of: sections[Int(table.link)])
    let entries = try contents(of: table)

    var builder = SymbolTable.Builder()
    for at in stride(from: entries.lowerBound, through: entries.upperBound - Int(size), by: Int(size)) {
      let flags = image.bytes[at + ELFClass.Symbol.flags(fileClass)]
      let sectionIndex = image.bytes.littleEndian(UInt16.self, at: at + ELFClass.Symbol.section(fileClass))
      // Undefined symbols have no address; section and file symbols (types 3, 4) and TLS offsets (6) name no code or data.
      guard sectionIndex != 0, flags & 15 < 3 || flags & 15 == 10 else { continue }
      let name = try image.stringRange(
        image.bytes.littleEndian(UInt32.self, at: at), in: names, field: UInt64(at))
      // Local labels of the assembler are not names that a person would know.
      if name.isEmpty || image.bytes.holds([0x2e, 0x4c], at: name.lowerBound) { continue }
      let letter = letter(flags: flags, sectionIndex: sectionIndex)
      let value = at + ELFClass.Symbol.value(fileClass)
      let address =
        fileClass.isWide
        ? image.bytes.littleEndian(UInt64.self, at: value) : UInt64(image.bytes.littleEndian(UInt32.self, at: value))
      guard builder.add(image.bytes[name], address: address, type: letter) else {
        throw image.unsupported(at: UInt64(at), "more than \(SymbolTable.Builder.mostNameBytes) bytes of symbol names")
      }
    }
    return builder.finish(ranges: ranges)
  }

  private func letter(flags: UInt8, sectionIndex: UInt16) -> UInt8 {
    let isLocal = flags >> 4 == 0
    let isWeak = flags >> 4 == 2
    if isWeak { return UInt8(ascii: "W") }
    var letter = UInt8(ascii: "A")
    if Int(sectionIndex) < sections.count, !isPerCPU(sections[Int(sectionIndex)]) {
      let section = sections[Int(sectionIndex)]
      if section.flags & SectionFlag.executable != 0 {
        letter = UInt8(ascii: "T")
      } else if section.flags & SectionFlag.write == 0 {
        letter = UInt8(ascii: "R")
      } else {
        letter = UInt8(ascii: section.type == SectionType.noBits ? "B" : "D")
      }
    }
    return isLocal ? letter | 0x20 : letter
  }

  /// Linux links its per-CPU variables at address 0 (before 6.15): their addresses are offsets into each processor's area,
  /// which kallsyms calls absolute.
  private func isPerCPU(_ section: Section) -> Bool { section.name == ".data..percpu" && section.address == 0 }
}
