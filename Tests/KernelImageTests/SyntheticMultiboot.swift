/// Small multiboot images, laid out as the Multiboot Specification's "OS image format" and the System V ABI's "Object Files" say: a
/// 32-bit ELF file, a 64-bit one, and a flat image. Nothing in them comes from the code under test.
struct SyntheticMultiboot {
  /// How the image is wrapped.
  enum Form: CaseIterable { case elf32, elf64, flat }

  static let magic: UInt32 = 0x1BAD_B002
  static let physical: UInt32 = 0x20_0000
  /// Where the 64-bit file is linked.
  static let virtual: UInt64 = 0xFFFF_FFFF_8020_0000
  /// Of the entry in the segment.
  static let entryOffset: UInt32 = 48
  static let content = 64
  static let memory: UInt32 = 0x1_0000

  var form: Form
  var flags: UInt32
  /// In front of the header, in the segment.
  var padding = 0

  init(_ form: Form, flags: UInt32? = nil, padding: Int = 0) {
    self.form = form
    self.flags = flags ?? (form == .flat ? 0x1_0003 : 3)
    self.padding = padding
  }

  /// Where the header is in the image.
  var headerOffset: Int {
    switch form {
    case .elf32: 52 + 32 + padding
    case .elf64: 64 + 56 + padding
    case .flat: padding
    }
  }

  func build() -> [UInt8] {
    var segment = ByteBuffer(bytes: [UInt8](repeating: 0x90, count: padding))
    segment.append(Self.magic)
    segment.append(flags)
    segment.append(0 &- Self.magic &- flags)
    let end = Self.physical + UInt32(padding + Self.content)
    let entry = Self.physical + UInt32(padding) + Self.entryOffset
    for field in [Self.physical + UInt32(padding), Self.physical, end, Self.physical + Self.memory, entry] {
      segment.append(field)
    }
    segment.append([UInt8](repeating: 0xF4, count: padding + Self.content - segment.count))
    switch form {
    case .flat: return segment.bytes
    case .elf32: return elf32(segment.bytes, entry)
    case .elf64: return elf64(segment.bytes)
    }
  }

  private func elf32(_ segment: [UInt8], _ entry: UInt32) -> [UInt8] {
    var file = ByteBuffer(bytes: [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1, 0] + [UInt8](repeating: 0, count: 8))
    file.append(UInt16(2))  // ET_EXEC
    file.append(UInt16(3))  // EM_386
    for field in [1, entry, 52, 0, 0] as [UInt32] { file.append(field) }  // version, entry, phoff, shoff, flags
    for field in [52, 32, 1, 40, 0, 0] as [UInt16] { file.append(field) }
    let size = UInt32(segment.count)
    // type, offset, vaddr, paddr, filesz, memsz, flags, align
    for field in [1, 84, 0xC020_0000, Self.physical, size, Self.memory, 7, 4] as [UInt32] { file.append(field) }
    file.append(segment)
    return file.bytes
  }

  private func elf64(_ segment: [UInt8]) -> [UInt8] {
    var file = ByteBuffer(bytes: [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8))
    file.append(UInt16(2))
    file.append(UInt16(62))  // EM_X86_64
    file.append(UInt32(1))
    // The entry as linked, which is not where it is placed.
    for field in [Self.virtual + UInt64(padding) + UInt64(Self.entryOffset), 64, 0] as [UInt64] { file.append(field) }
    file.append(UInt32(0))
    for field in [64, 56, 1, 64, 0, 0] as [UInt16] { file.append(field) }
    file.append(UInt32(1))
    file.append(UInt32(7))
    let size = UInt64(segment.count)
    for field in [120, Self.virtual, UInt64(Self.physical), size, UInt64(Self.memory), 4] as [UInt64] {
      file.append(field)
    }
    file.append(segment)
    return file.bytes
  }
}
