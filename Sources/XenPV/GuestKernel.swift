/// What the domain builder needs of a kernel: its segments and what it says to Xen, in notes or in the older string.
///
/// Xen `xen/include/public/elfnote.h`; `xen/common/libelf/libelf-dominfo.c`, `elf_xen_parse`, `elf_xen_parse_note`,
/// `elf_xen_parse_guest_info`, `elf_xen_note_check`, `elf_xen_addr_calc_check`.

/// An ELF kernel that has been read.
///
/// Not modelled: XEN_ELFNOTE_BSD_SYMTAB (`elf_load_bsdsyms`): a kernel that asks for its symbol table behind itself is
/// refused. 32-bit guests, which a Xen without CONFIG_PV32 refuses too.
public struct GuestKernel: Sendable {
  /// One PT_LOAD segment: `bytes` at `physicalAddress`, then zeros up to `memorySize`.
  public struct Segment: Sendable {
    public var physicalAddress: UInt64
    public var bytes: ArraySlice<UInt8>
    public var memorySize: UInt64

    public init(physicalAddress: UInt64, bytes: ArraySlice<UInt8>, memorySize: UInt64) {
      self.physicalAddress = physicalAddress
      self.bytes = bytes
      self.memorySize = memorySize
    }
  }

  /// One note of the owner "Xen".
  public struct Note: Sendable {
    public var type: UInt32
    public var descriptor: [UInt8]

    public init(type: UInt32, descriptor: [UInt8]) {
      self.type = type
      self.descriptor = descriptor
    }
  }

  /// e_entry of the ELF header.
  public var entry: UInt64
  /// Without those whose p_flags forbid everything (`elf_phdr_is_loadable`). p_paddr may be virtual addresses.
  public var segments: [Segment]
  /// Of the note segments or, where none of those is Xen's, of the note sections.
  public var notes: [Note]
  /// Section __xen_guest: what counts where there is no note.
  public var guestString: [UInt8]?
  /// The file is a 32-bit one.
  public var is32Bit: Bool
  /// The file has a symbol table.
  public var hasSymbolTable: Bool

  public init(
    entry: UInt64, segments: [Segment], notes: [Note], guestString: [UInt8]? = nil, is32Bit: Bool = false,
    hasSymbolTable: Bool = false
  ) {
    self.hasSymbolTable = hasSymbolTable
    self.entry = entry
    self.segments = segments
    self.notes = notes
    self.guestString = guestString
    self.is32Bit = is32Bit
  }
}

/// Why a kernel cannot be built into a domain.
public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String
  /// More memory would help.
  public var needsMemory: Bool
  /// Less memory would help.
  public var hasTooMuchMemory: Bool

  public init(_ description: String, needsMemory: Bool = false, hasTooMuchMemory: Bool = false) {
    self.description = description
    self.needsMemory = needsMemory
    self.hasTooMuchMemory = hasTooMuchMemory
  }
}
