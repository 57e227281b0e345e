/// A small kernel-shaped ELF file, laid out as the System V ABI, "Object Files", says: two load segments, a note segment with
/// a PVH entry, sections and, if asked for, a symbol table. Nothing in it comes from the code under test.
struct SyntheticELF {
  struct Symbol {
    var name: String
    var address: UInt64
    /// Binding in the high half (0 local, 1 global, 2 weak), type in the low half (0 none, 1 object, 2 function).
    var binding: UInt8
    /// 1 .text, 2 .data, 3 .data..percpu, 0xfff1 absolute.
    var section: UInt16
  }

  static let textAddress: UInt64 = 0xffff_ffff_8100_0000
  static let textPhysical: UInt64 = 0x100_0000
  static let dataAddress: UInt64 = 0xffff_ffff_8110_0000
  static let dataPhysical: UInt64 = 0x110_0000
  static let pvhEntry: UInt64 = 0x100_0010

  var text: [UInt8] = (0..<64).map { UInt8($0) }
  var data: [UInt8] = (0..<32).map { UInt8(255 - $0) }
  /// Zeroed memory behind the data.
  var bss: UInt64 = 0x1000
  var symbols: [Symbol] = []
  var withSections = true
  /// The linker's, in a note; empty for none.
  var buildID: [UInt8] = []
  /// Whose the note with the PVH entry is.
  var pvhOwner = "Xen"
  /// Sections behind the others, in no segment.
  var extraSections: [(name: String, type: UInt32, bytes: [UInt8])] = []

  /// Where the header fields that tests change are.
  enum Field {
    static let fileClass = 4
    static let byteOrder = 5
    static let machine = 18
    static let programHeaders = 32
    static let programHeaderSize = 54
    static let programHeaderCount = 56
    static let sectionHeaders = 40
    static func segment(_ index: Int, _ field: Int) -> Int { 64 + 56 * index + field }
    static let offset = 8
    static let virtualAddress = 16
    static let physicalAddress = 24
    static let fileSize = 32
    static let memorySize = 40
  }

  func build() -> [UInt8] {
    var file = ByteBuffer()
    file.append([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8))
    file.append(UInt16(2))  // ET_EXEC
    file.append(UInt16(62))  // EM_X86_64
    file.append(UInt32(1))
    file.append(Self.textPhysical)  // e_entry, physical in Linux too
    file.append(UInt64(64))  // e_phoff
    file.append(UInt64(0))  // e_shoff, below
    file.append(UInt32(0))
    for field in [64, 56, 3, 64, 0, 0] as [UInt16] { file.append(field) }

    let headers = file.count
    file.append([UInt8](repeating: 0, count: 3 * 56))
    let textOffset = file.count
    file.append(text)
    file.align(8)
    let dataOffset = file.count
    file.append(data)
    file.align(8)
    let noteOffset = file.count
    file.append(Self.note(owner: "Linux", type: 0x101, descriptor: [1, 2, 3]))
    var entry = ByteBuffer()
    entry.append(Self.pvhEntry)
    file.append(Self.note(owner: pvhOwner, type: 18, descriptor: entry.bytes))
    if !buildID.isEmpty { file.append(Self.note(owner: "GNU", type: 3, descriptor: buildID)) }
    let noteSize = file.count - noteOffset

    let segments:
      [(type: UInt32, flags: UInt32, offset: Int, virtual: UInt64, physical: UInt64, size: Int, memory: UInt64)] =
        [
          (1, 5, textOffset, Self.textAddress, Self.textPhysical, text.count, UInt64(text.count)),
          (1, 6, dataOffset, Self.dataAddress, Self.dataPhysical, data.count, UInt64(data.count) + bss),
          (4, 4, noteOffset, 0, 0, noteSize, UInt64(noteSize)),
        ]
    for (index, segment) in segments.enumerated() {
      var header = ByteBuffer()
      header.append(segment.type)
      header.append(segment.flags)
      for field in [
        UInt64(segment.offset), segment.virtual, segment.physical, UInt64(segment.size), segment.memory, 4,
      ] { header.append(field) }
      file.bytes.replaceSubrange(headers + index * 56..<headers + (index + 1) * 56, with: header.bytes)
    }
    if withSections { appendSections(to: &file, textOffset, dataOffset) }
    return file.bytes
  }

  private func appendSections(to file: inout ByteBuffer, _ textOffset: Int, _ dataOffset: Int) {
    var strings = ByteBuffer(bytes: [0])
    var table = ByteBuffer(bytes: [UInt8](repeating: 0, count: 24))
    for symbol in symbols {
      table.append(UInt32(strings.count))
      table.append(symbol.binding)
      table.append(UInt8(0))
      table.append(symbol.section)
      table.append(symbol.address)
      table.append(UInt64(0))
      strings.append(Array(symbol.name.utf8) + [0])
    }
    file.align(8)
    let tableOffset = file.count
    file.append(table.bytes)
    let stringOffset = file.count
    file.append(strings.bytes)

    file.align(4)
    let extraOffsets = extraSections.map { section in
      defer { file.append(section.bytes) }
      file.align(4)
      return file.count
    }
    let names =
      ["", ".text", ".data", ".data..percpu", ".shstrtab"] + (symbols.isEmpty ? [] : [".symtab", ".strtab"])
      + extraSections.map(\.name)
    let nameOffset = file.count
    var nameStarts: [UInt32] = []
    for name in names {
      nameStarts.append(UInt32(file.count - nameOffset))
      file.append(Array(name.utf8) + [0])
    }
    let nameSize = file.count - nameOffset
    file.align(8)
    let headers = file.count

    func header(
      _ index: Int, type: UInt32, flags: UInt64 = 0, address: UInt64 = 0, offset: Int = 0, size: Int = 0,
      link: UInt32 = 0,
      entrySize: UInt64 = 0
    ) {
      file.append(nameStarts[index])
      file.append(type)
      for field in [flags, address, UInt64(offset), UInt64(size)] { file.append(field) }
      file.append(link)
      file.append(UInt32(0))
      file.append(UInt64(1))
      file.append(entrySize)
    }
    header(0, type: 0)
    header(1, type: 1, flags: 6, address: Self.textAddress, offset: textOffset, size: text.count)
    header(2, type: 1, flags: 3, address: Self.dataAddress, offset: dataOffset, size: data.count)
    header(3, type: 1, flags: 3, address: 0, offset: dataOffset, size: 0)
    header(4, type: 3, offset: nameOffset, size: nameSize)
    if !symbols.isEmpty {
      header(5, type: 2, offset: tableOffset, size: table.count, link: 6, entrySize: 24)
      header(6, type: 3, offset: stringOffset, size: strings.count)
    }
    for (index, section) in extraSections.enumerated() {
      header(
        names.count - extraSections.count + index, type: section.type, offset: extraOffsets[index],
        size: section.bytes.count)
    }
    file.put(UInt64(headers), at: 40)
    file.put(UInt16(names.count), at: 60)
    file.put(UInt16(4), at: 62)
  }

  static func note(owner: String, type: UInt32, descriptor: [UInt8]) -> [UInt8] {
    var note = ByteBuffer()
    note.append(UInt32(owner.utf8.count + 1))
    note.append(UInt32(descriptor.count))
    note.append(type)
    note.append(Array(owner.utf8) + [0])
    note.align(4)
    note.append(descriptor)
    note.align(4)
    return note.bytes
  }
}
