/// Notes of an ELF file. System V Application Binary Interface, "Program Loading", section "Note Section"; the types under
/// the owner "Xen" are in Xen's public/elfnote.h.

/// One note: who owns it, what it is, what it says.
public struct ELFNote: Sendable, Equatable {
  public let owner: String
  public let type: UInt32
  public let descriptor: [UInt8]
  /// Where its header lies in the image.
  public let offset: UInt64

  /// The note's name in Xen's public/elfnote.h, without its XEN_ELFNOTE_ prefix, when Xen owns it.
  public var xenName: String? {
    guard isXens, Int(type) < ELFNote.xenNames.count else { return nil }
    return ELFNote.xenNames[Int(type)]
  }

  /// NT_GNU_BUILD_ID, of the owner "GNU".
  static let buildID: UInt32 = 3

  /// XEN_ELFNOTE_PHYS32_ENTRY: where a PVH start enters, a physical address.
  static let phys32Entry: UInt32 = 18
  var isPVHEntry: Bool { isXens && type == ELFNote.phys32Entry }
  public var isXens: Bool { owner == "Xen" }

  private static let xenNames = [
    "INFO", "ENTRY", "HYPERCALL_PAGE", "VIRT_BASE", "PADDR_OFFSET", "XEN_VERSION", "GUEST_OS", "GUEST_VERSION",
    "LOADER", "PAE_MODE", "FEATURES", "BSD_SYMTAB", "HV_START_LOW", "L1_MFN_VALID", "SUSPEND_CANCEL", "INIT_P2M",
    "MOD_START_PFN", "SUPPORTED_FEATURES", "PHYS32_ENTRY", "PHYS32_RELOC",
  ]
}

extension ELFImage {
  /// A kernel has about ten. The bound keeps a large segment of zeros from becoming millions of empty notes.
  private static var mostNotes: Int { 1 << 12 }

  /// All notes of the note segments and, where none of those is Xen's, of the note sections too: the order in which Xen looks
  /// for its own (`elf_xen_parse` of `xen/common/libelf/libelf-dominfo.c`).
  public func notes() throws(ImageError) -> [ELFNote] {
    var notes: [ELFNote] = []
    let noteSegments = segments.filter { $0.type == SegmentType.note }
    for segment in noteSegments { try readNotes(segment.fileRange, alignment: segment.alignment, into: &notes) }
    if !notes.contains(where: \.isXens) {
      let covered = Set(noteSegments.map(\.fileRange))
      for section in sections where section.type == SectionType.note {
        if covered.contains(try contents(of: section)) { continue }
        try readNotes(try contents(of: section), alignment: section.alignment, into: &notes)
      }
    }
    return notes
  }

  private func readNotes(_ range: Range<Int>, alignment: UInt64, into notes: inout [ELFNote]) throws(ImageError) {
    // Names and descriptors are padded to 4 bytes; to 8 only where the container says so.
    let mask = alignment == 8 ? 7 : 3
    var at = range.lowerBound
    while range.upperBound - at >= 12 {
      let header = UInt64(at)
      guard notes.count < ELFImage.mostNotes else {
        throw image.malformed(at: header, "more than \(ELFImage.mostNotes) notes")
      }
      let nameSize = Int(image.bytes.littleEndian(UInt32.self, at: at))
      let descriptorSize = Int(image.bytes.littleEndian(UInt32.self, at: at + 4))
      let type = image.bytes.littleEndian(UInt32.self, at: at + 8)
      // Both sizes are 32-bit, so these sums cannot wrap.
      let name = at + 12
      // What is padded is the distance from the note's start, header included (gABI, "Note Section").
      let descriptor = at + (12 + nameSize + mask) & ~mask
      guard name + nameSize <= range.upperBound, descriptorSize == 0 || descriptor + descriptorSize <= range.upperBound
      else {
        throw image.malformed(
          at: header, "a note with a name of \(nameSize) and a descriptor of \(descriptorSize) bytes leaves its segment"
        )
      }
      // A string that ends at its first NUL, whatever size the header gives it.
      let owner = image.bytes[name..<name + nameSize].prefix { $0 != 0 }
      notes.append(
        ELFNote(
          owner: String(decoding: owner, as: UTF8.self), type: type,
          descriptor: descriptorSize == 0 ? [] : Array(image.bytes[descriptor..<descriptor + descriptorSize]),
          offset: header))
      at = min(descriptor + (descriptorSize + mask) & ~mask, range.upperBound)
    }
  }

  /// The PVH entry point among these notes.
  func pvhEntry(_ notes: [ELFNote]) throws(ImageError) -> UInt32? {
    guard let note = notes.first(where: \.isPVHEntry) else { return nil }
    let entry: UInt64
    switch note.descriptor.count {
    case 4: entry = UInt64(note.descriptor.littleEndian(UInt32.self, at: 0))
    case 8: entry = note.descriptor.littleEndian(UInt64.self, at: 0)
    case let size: throw image.malformed(at: note.offset, "a PHYS32_ENTRY note of \(size) bytes instead of 4 or 8")
    }
    guard let physical = UInt32(exactly: entry) else {
      throw image.malformed(at: note.offset, "PVH entry 0x\(String(entry, radix: 16)) lies above 4 GiB")
    }
    return physical
  }

  /// The longest such string that is taken; they have a few hundred bytes.
  private static var longestGuestString: Int { 4096 }

  /// The contents of section __xen_guest up to their NUL; nil for a file without that section.
  func guestString() throws(ImageError) -> [UInt8]? {
    guard let section = section(named: "__xen_guest") else { return nil }
    let range = try contents(of: section)
    let text = image.bytes[range].prefix { $0 != 0 }
    guard text.count < ELFImage.longestGuestString else {
      throw image.malformed(at: UInt64(range.lowerBound), "a __xen_guest string of \(text.count) bytes")
    }
    return Array(text)
  }
}
