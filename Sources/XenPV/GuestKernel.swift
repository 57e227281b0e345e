/// What the domain builder needs of a kernel: its segments and the notes that Xen reads.
///
/// Xen `xen/include/public/elfnote.h`; `xen/common/libelf/libelf-dominfo.c`, `elf_xen_parse_note`, `elf_xen_note_check`,
/// `elf_xen_addr_calc_check`.

/// A 64-bit ELF kernel that has been read.
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
  public var segments: [Segment]
  public var notes: [Note]

  public init(entry: UInt64, segments: [Segment], notes: [Note]) {
    self.entry = entry
    self.segments = segments
    self.notes = notes
  }
}

/// Why a kernel cannot be built into a domain.
public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}

/// What the notes of a kernel say: `struct elf_dom_parms`.
struct KernelParameters {
  var virtualBase: UInt64?
  var entry: UInt64
  var hypercallPage: UInt64?
  var physicalOffset: UInt64?
  /// Where the p2m list is mapped; nil where it goes into the initial mapping.
  var initialP2M: UInt64?
  /// XEN_ELFNOTE_PAE_MODE says "yes": XEN_PAE_EXTCR3.
  var takesExtendedCR3 = false
  /// XEN_ELFNOTE_MOD_START_PFN: the module need not be mapped.
  var takesUnmappedModule = false
  /// Virtual addresses of the kernel's first byte and of the one behind its last.
  var start: UInt64 = 0
  var end: UInt64 = 0

  /// Features a note may require: those of `elf_xen_feature_names`, and whether a PV domain here has them.
  private static let features: [String: Bool] = [
    "writable_page_tables": true, "writable_descriptor_tables": true, "auto_translated_physmap": false,
    "supervisor_mode_kernel": true, "pae_pgdir_above_4gb": true, "hvm_callback_vector": true, "dom0": true,
  ]

  init(_ kernel: GuestKernel, isPrivileged: Bool) throws(Refusal) {
    entry = kernel.entry
    guard !kernel.notes.isEmpty else { throw Refusal("no Xen ELF notes: the kernel is not made for a PV domain") }
    var (system, loader, version) = ("", "", "")
    for note in kernel.notes {
      switch note.type {
      case 1: entry = Self.number(note)
      case 2: hypercallPage = Self.number(note)
      case 3: virtualBase = Self.number(note)
      case 4: physicalOffset = Self.number(note)
      case 5: version = Self.text(note)
      case 6: system = Self.text(note)
      case 8: loader = Self.text(note)
      case 9: takesExtendedCR3 = Self.text(note).hasPrefix("yes")
      case 10: try Self.checkFeatures(Self.text(note), isPrivileged: isPrivileged)
      case 15: initialP2M = Self.number(note)
      case 16: takesUnmappedModule = Self.number(note) != 0
      default: break
      }
    }
    guard loader.hasPrefix("generic") || system.hasPrefix("linux") else {
      throw Refusal(
        "the notes name neither the generic loader nor Linux (LOADER \"\(loader)\", GUEST_OS \"\(system)\")")
    }
    guard version.hasPrefix("xen-3.0") else {
      throw Refusal("note XEN_VERSION is \"\(version)\", and only xen-3.0 is known")
    }
    try findAddresses(kernel)
  }

  private mutating func findAddresses(_ kernel: GuestKernel) throws(Refusal) {
    guard virtualBase != nil || physicalOffset == nil else { throw Refusal("note PADDR_OFFSET without VIRT_BASE") }
    guard !kernel.segments.isEmpty else { throw Refusal("no segment to load") }
    let base = virtualBase ?? 0
    let offset = base &- (physicalOffset ?? 0)
    var (low, high): (UInt64, UInt64) = (.max, 0)
    for segment in kernel.segments.sorted(by: { $0.physicalAddress < $1.physicalAddress }) {
      let (end, wraps) = segment.physicalAddress.addingReportingOverflow(segment.memorySize)
      guard !wraps, segment.bytes.count <= segment.memorySize else {
        throw Refusal(
          "a segment at physical address \(hex(segment.physicalAddress)) wraps or is smaller than its bytes")
      }
      guard segment.physicalAddress >= high else {
        throw Refusal("segments overlap at physical address \(hex(segment.physicalAddress))")
      }
      low = min(low, segment.physicalAddress)
      high = max(high, end)
    }
    start = low &+ offset
    end = high &+ offset
    guard start <= end, base <= start, (start...end).contains(entry) else {
      throw Refusal(
        "the kernel at \(hex(start)) to \(hex(end)), its entry \(hex(entry)) and VIRT_BASE \(hex(base)) do not fit together"
      )
    }
    if let list = initialP2M, (start..<end).contains(list) {
      throw Refusal("note INIT_P2M \(hex(list)) is inside the kernel")
    }
    guard base & 0xFFF == 0, start & 0xFFF == 0 else {
      throw Refusal("the kernel's start \(hex(start)) or VIRT_BASE \(hex(base)) is not the start of a page")
    }
    // A list that is not below everything else, or not at the start of a page, goes into the initial mapping.
    if let list = initialP2M, list >= base || list & 0xFFF != 0 { initialP2M = nil }
    if let page = hypercallPage {
      guard page & 0xFFF == 0, page >= base, page >= start, end - start >= 4096, page <= end - 4096 else {
        throw Refusal("note HYPERCALL_PAGE \(hex(page)) is not a page of the kernel")
      }
    }
    virtualBase = base
  }

  private static func checkFeatures(_ text: String, isPrivileged: Bool) throws(Refusal) {
    for name in text.split(separator: "|") where name.hasPrefix("!") {
      guard let isOffered = features[String(name.dropFirst())] else {
        throw Refusal("note FEATURES requires \"\(name.dropFirst())\", which is unknown")
      }
      guard isOffered else { throw Refusal("note FEATURES requires \(name.dropFirst()), which a PV domain has not") }
      if name == "!dom0" && !isPrivileged {
        throw Refusal("note FEATURES requires dom0: the kernel runs as a privileged domain only")
      }
    }
  }

  /// elf_note_numeric: zero where the size is none of a number's.
  private static func number(_ note: GuestKernel.Note) -> UInt64 {
    guard [1, 2, 4, 8].contains(note.descriptor.count) else { return 0 }
    return note.descriptor.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func text(_ note: GuestKernel.Note) -> String {
    String(decoding: note.descriptor.prefix { $0 != 0 }.prefix(512), as: UTF8.self)
  }
}

func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
