/// A little-endian ELF file for x86, 64-bit or 32-bit: headers, segments and sections.
/// System V Application Binary Interface, "Object Files" and "Program Loading"; its AMD64 and Intel386 supplements, "Object
/// Files".
///
/// The tables are read and checked at once, the contents of a section when it is asked for.
public struct ELFImage: Sendable {
  /// One program header.
  public struct Segment: Sendable, Equatable {
    public let type: UInt32
    public let flags: UInt32
    public let virtualAddress: UInt64
    public let physicalAddress: UInt64
    public let fileRange: Range<Int>
    public let memorySize: UInt64
    public let alignment: UInt64
    /// Where its program header lies, to complain about.
    let header: UInt64
  }

  /// One section header. The range is not checked until the contents are asked for: a kernel starts without its sections.
  public struct Section: Sendable, Equatable {
    public let name: String
    public let type: UInt32
    public let flags: UInt64
    public let address: UInt64
    public let offset: UInt64
    public let size: UInt64
    public let link: UInt32
    public let entrySize: UInt64
    public let alignment: UInt64
    let header: UInt64
  }

  enum SegmentType {
    static let load: UInt32 = 1
    static let note: UInt32 = 4
  }

  enum SectionType {
    static let symbolTable: UInt32 = 2
    static let stringTable: UInt32 = 3
    static let note: UInt32 = 7
    static let noBits: UInt32 = 8
  }

  enum SectionFlag {
    static let write: UInt64 = 1
    static let allocate: UInt64 = 2
    static let executable: UInt64 = 4
  }

  public let fileClass: ELFClass
  public let entry: UInt64
  public let segments: [Segment]
  public let sections: [Section]

  let image: ImageBytes

  /// A linked kernel has some forty sections.
  private static let mostSections: UInt64 = 1 << 16

  static let magic: [UInt8] = [0x7f, 0x45, 0x4c, 0x46]

  public init(bytes: [UInt8], name: String) throws(ImageError) {
    try self.init(ImageBytes(bytes: bytes, name: name, part: .file))
  }

  init(_ image: ImageBytes) throws(ImageError) {
    self.image = image
    guard image.bytes.holds(ELFImage.magic, at: 0) else { throw image.malformed(at: 0, "no ELF magic number") }
    fileClass = try ELFImage.identify(image)
    entry = try image.word(fileClass, at: ELFClass.Header.entry, for: "e_entry")
    segments = try ELFImage.readSegments(image, fileClass)
    sections = try ELFImage.readSections(image, fileClass)
  }

  private static func identify(_ image: ImageBytes) throws(ImageError) -> ELFClass {
    let byte = try image.read(UInt8.self, at: 4, for: "EI_CLASS")
    guard let fileClass = ELFClass(rawValue: byte) else {
      throw image.malformed(at: 4, "EI_CLASS \(byte) is neither 32-bit nor 64-bit")
    }
    switch try image.read(UInt8.self, at: 5, for: "EI_DATA") {
    case 1: break
    case 2: throw image.unsupported(at: 5, "a big-endian ELF file")
    case let other: throw image.malformed(at: 5, "EI_DATA \(other) is no byte order")
    }
    let type = try image.read(UInt16.self, at: 16, for: "e_type")
    guard type == 2 || type == 3 else {
      throw image.unsupported(at: 16, "ELF type \(type), neither an executable nor position-independent")
    }
    let machine = try image.read(UInt16.self, at: 18, for: "e_machine")
    guard machine == fileClass.machine else {
      throw image.unsupported(
        at: 18,
        "ELF machine \(machine), not " + (fileClass.isWide ? "x86-64 (62)" : "80386 (3) in a 32-bit file"))
    }
    return fileClass
  }

  private static func readSegments(_ image: ImageBytes, _ file: ELFClass) throws(ImageError) -> [Segment] {
    typealias Header = ELFClass.Header
    typealias Program = ELFClass.Program
    let table = try image.word(file, at: Header.programHeaders(file), for: "e_phoff")
    let entrySize = try image.read(UInt16.self, at: Header.programHeaderSize(file), for: "e_phentsize")
    let count = try image.read(UInt16.self, at: Header.programHeaderCount(file), for: "e_phnum")
    if count == 0 { return [] }
    let size = Program.size(file)
    guard entrySize == size else {
      throw image.malformed(
        at: Header.programHeaderSize(file), "program headers of \(entrySize) bytes instead of \(size)")
    }
    guard count != 0xffff else {
      throw image.unsupported(at: Header.programHeaderCount(file), "more than 65534 program headers")
    }
    _ = try image.range(
      table, UInt64(count) * size, for: "the program header table", field: Header.programHeaders(file))

    var segments: [Segment] = []
    segments.reserveCapacity(Int(count))
    for index in 0..<UInt64(count) {
      let header = table + index * size
      func word(_ field: UInt64, _ name: String) throws(ImageError) -> UInt64 {
        try image.word(file, at: header + field, for: name)
      }
      let type = try image.read(UInt32.self, at: header, for: "p_type")
      let offset = try word(Program.offset(file), "p_offset")
      let fileSize = try word(Program.fileSize(file), "p_filesz")
      // A segment without bytes in the file may name any offset.
      let fileRange =
        fileSize == 0
        ? 0..<0
        : try image.range(
          offset, fileSize, for: "the content of segment \(index)", field: header + Program.offset(file))
      segments.append(
        Segment(
          type: type,
          flags: try image.read(UInt32.self, at: header + Program.flags(file), for: "p_flags"),
          virtualAddress: try word(Program.virtualAddress(file), "p_vaddr"),
          physicalAddress: try word(Program.physicalAddress(file), "p_paddr"),
          fileRange: fileRange,
          memorySize: try word(Program.memorySize(file), "p_memsz"),
          alignment: try word(Program.alignment(file), "p_align"),
          header: header))
    }
    return segments
  }

  private static func readSections(_ image: ImageBytes, _ file: ELFClass) throws(ImageError) -> [Section] {
    typealias Header = ELFClass.Header
    typealias Fields = ELFClass.Section
    let table = try image.word(file, at: Header.sectionHeaders(file), for: "e_shoff")
    if table == 0 { return [] }
    let size = Fields.size(file)
    let entrySize = try image.read(UInt16.self, at: Header.sectionHeaderSize(file), for: "e_shentsize")
    guard entrySize == size else {
      throw image.malformed(
        at: Header.sectionHeaderSize(file), "section headers of \(entrySize) bytes instead of \(size)")
    }
    // The counts move into the first section header when they do not fit the file header.
    var count = UInt64(try image.read(UInt16.self, at: Header.sectionHeaderCount(file), for: "e_shnum"))
    if count == 0 {
      count = try image.word(
        file, at: table.addingSaturating(Fields.contentSize(file)), for: "sh_size of section 0")
    }
    var names = UInt64(try image.read(UInt16.self, at: Header.sectionNames(file), for: "e_shstrndx"))
    if names == 0xffff {
      names = UInt64(try image.read(UInt32.self, at: table.addingSaturating(Fields.link(file)), for: "sh_link"))
    }
    guard count <= mostSections else {
      throw image.unsupported(
        at: Header.sectionHeaderCount(file), "\(count) sections, more than \(mostSections)")
    }
    _ = try image.range(table, count * size, for: "the section header table", field: Header.sectionHeaders(file))

    var nameTable = 0..<0
    if names != 0 {
      guard names < count else {
        throw image.malformed(
          at: Header.sectionNames(file), "section \(names) of \(count) is to hold the names")
      }
      let header = table + names * size
      nameTable = try image.range(
        try image.word(file, at: header + Fields.offset(file), for: "sh_offset"),
        try image.word(file, at: header + Fields.contentSize(file), for: "sh_size"),
        for: "the section name table", field: header + Fields.offset(file))
    }

    var sections: [Section] = []
    sections.reserveCapacity(Int(count))
    for index in 0..<count {
      let header = table + index * size
      func word(_ field: UInt64, _ name: String) throws(ImageError) -> UInt64 {
        try image.word(file, at: header + field, for: name)
      }
      let nameOffset = try image.read(UInt32.self, at: header, for: "sh_name")
      sections.append(
        Section(
          name: nameTable.isEmpty ? "" : try image.string(nameOffset, in: nameTable, field: header),
          type: try image.read(UInt32.self, at: header + 4, for: "sh_type"),
          flags: try word(Fields.flags, "sh_flags"),
          address: try word(Fields.address(file), "sh_addr"),
          offset: try word(Fields.offset(file), "sh_offset"),
          size: try word(Fields.contentSize(file), "sh_size"),
          link: try image.read(UInt32.self, at: header + Fields.link(file), for: "sh_link"),
          entrySize: try word(Fields.entrySize(file), "sh_entsize"),
          alignment: try word(Fields.alignment(file), "sh_addralign"),
          header: header))
    }
    return sections
  }

  /// The first section of that name.
  public func section(named name: String) -> Section? { sections.first { $0.name == name } }

  /// Where a section's contents lie in the file; empty for one that has none there.
  public func contents(of section: Section) throws(ImageError) -> Range<Int> {
    if section.type == SectionType.noBits { return 0..<0 }
    return try image.range(
      section.offset, section.size, for: "section \(section.name)",
      field: section.header + ELFClass.Section.offset(fileClass))
  }
}

extension ImageBytes {
  /// The longest name taken from a string table; a file full of non-zero bytes is not one name.
  private static var longestName: Int { 4096 }

  /// The NUL-terminated name at an offset of a string table, decoded as UTF-8 with repair.
  func string(_ offset: UInt32, in table: Range<Int>, field: UInt64) throws(ImageError) -> String {
    String(decoding: bytes[try stringRange(offset, in: table, field: field)], as: UTF8.self)
  }

  func stringRange(_ offset: UInt32, in table: Range<Int>, field: UInt64) throws(ImageError) -> Range<Int> {
    guard Int(offset) < table.count else {
      throw malformed(at: field, "name offset \(offset) lies outside a string table of \(table.count) bytes")
    }
    let start = table.lowerBound + Int(offset)
    let limit = min(table.upperBound, start + ImageBytes.longestName)
    guard let end = bytes[start..<limit].firstIndex(of: 0) else {
      throw malformed(at: UInt64(start), "a name without an end")
    }
    return start..<end
  }
}

extension UInt64 {
  /// For offsets: a sum that would wrap stays at the top, where every bounds check refuses it.
  func addingSaturating(_ other: UInt64) -> UInt64 {
    let (sum, wrapped) = addingReportingOverflow(other)
    return wrapped ? .max : sum
  }
}
