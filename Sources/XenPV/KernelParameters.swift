/// What the notes of a kernel, or its older string, say: `struct elf_dom_parms`.
///
/// Xen `xen/common/libelf/libelf-dominfo.c`, `elf_xen_parse_note`, `elf_xen_parse_guest_info`, `elf_xen_note_check`,
/// `elf_xen_addr_calc_check`.
import Findings

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
    guard !kernel.is32Bit else {
      throw Refusal("a 32-bit kernel: this Xen has no 32-bit PV guests (they would be added in Sources/XenPV)")
    }
    entry = kernel.entry
    var said = GuestWords()
    if !kernel.notes.isEmpty {
      for note in kernel.notes { try read(note, &said, isPrivileged: isPrivileged) }
    } else if let string = kernel.guestString {
      try read(string, &said, isPrivileged: isPrivileged)
    } else {
      throw Refusal("no ELF note of owner Xen and no section __xen_guest: the kernel is not made for a PV domain")
    }
    guard said.loader.hasPrefix("generic") || said.system.hasPrefix("linux") else {
      throw Refusal(
        "the notes name neither the generic loader nor Linux (LOADER \"\(said.loader)\", GUEST_OS \"\(said.system)\")")
    }
    guard said.version.hasPrefix("xen-3.0") else {
      throw Refusal("note XEN_VERSION is \"\(said.version)\", and only xen-3.0 is known")
    }
    guard !said.wantsSymbols || !kernel.hasSymbolTable else {
      throw Refusal("note BSD_SYMTAB asks for the symbol table behind the kernel, which this builder does not place")
    }
    try findAddresses(kernel)
  }

  /// What is checked and then forgotten.
  private struct GuestWords {
    var system = ""
    var loader = ""
    var version = ""
    var wantsSymbols = false
  }

  /// elf_xen_parse_note.
  private mutating func read(_ note: GuestKernel.Note, _ said: inout GuestWords, isPrivileged: Bool) throws(Refusal) {
    switch note.type {
    case 1: entry = Self.number(note)
    case 2: hypercallPage = Self.number(note)
    case 3: virtualBase = Self.number(note)
    case 4: physicalOffset = Self.number(note)
    case 5: said.version = Self.text(note.descriptor)
    case 6: said.system = Self.text(note.descriptor)
    case 8: said.loader = Self.text(note.descriptor)
    case 9: takesExtendedCR3 = Self.text(note.descriptor).hasPrefix("yes")
    case 10: try Self.checkFeatures(Self.text(note.descriptor), isPrivileged: isPrivileged)
    case 11: said.wantsSymbols = Self.text(note.descriptor) == "yes"
    case 15: initialP2M = Self.number(note)
    case 16: takesUnmappedModule = Self.number(note) != 0
    default: break
    }
  }

  /// elf_xen_parse_guest_info: `NAME=VALUE,NAME=VALUE`.
  private mutating func read(_ string: [UInt8], _ said: inout GuestWords, isPrivileged: Bool) throws(Refusal) {
    for item in string.split(separator: UInt8(ascii: ",")) {
      let parts = item.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count == 2 ? Self.text(Array(parts[1])) : ""
      switch Self.text(Array(parts[0])) {
      case "LOADER": said.loader = value
      case "GUEST_OS": said.system = value
      case "XEN_VER": said.version = value
      case "PAE": takesExtendedCR3 = value == "yes[extended-cr3]"
      case "BSD_SYMTAB": said.wantsSymbols = true
      case "VIRT_BASE": virtualBase = Self.number(value)
      case "VIRT_ENTRY": entry = Self.number(value)
      case "ELF_PADDR_OFFSET": physicalOffset = Self.number(value)
      case "HYPERCALL_PAGE": hypercallPage = Self.number(value) << 12
      case "FEATURES": try Self.checkFeatures(value, isPrivileged: isPrivileged)
      default: break
      }
    }
    if let virtualBase, let page = hypercallPage { hypercallPage = page &+ virtualBase }
    // Older hypervisors had VIRT_BASE in p_paddr.
    if physicalOffset == nil { physicalOffset = virtualBase }
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
    virtualBase = base
  }

  /// Asked when the kernel is known to fit, as by Xen (`dom0_construct`): one that is placed wrongly is told so first.
  func checkHypercallPage() throws(Refusal) {
    guard let page = hypercallPage else { return }
    guard page & 0xFFF == 0, page >= virtualBase ?? 0, page >= start, end - start >= 4096, page <= end - 4096 else {
      throw Refusal("note HYPERCALL_PAGE \(hex(page)) is not a page of the kernel")
    }
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

  /// strtoull with base 0: what it can read of the text from its start, at most 2^64 - 1.
  private static func number(_ text: String) -> UInt64 {
    var digits = text.drop { $0 == " " || $0 == "\t" }
    var radix = 10
    if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
      (digits, radix) = (digits.dropFirst(2), 16)
    } else if digits.hasPrefix("0") {
      radix = 8
    }
    var value: UInt64 = 0
    for digit in digits {
      guard digit.isASCII, let next = digit.hexDigitValue, next < radix else { break }
      let (product, wraps) = value.multipliedReportingOverflow(by: UInt64(radix))
      let (sum, wrapsToo) = product.addingReportingOverflow(UInt64(next))
      if wraps || wrapsToo { return .max }
      value = sum
    }
    return value
  }

  private static func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.prefix { $0 != 0 }.prefix(512), as: UTF8.self)
  }
}
