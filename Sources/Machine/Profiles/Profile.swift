/// A processor that Limen models: its vendor, its features, its CPUID. Nothing is taken from the host.
///
/// SDM vol. 2A, "CPUID"; AMD APM vol. 3, "Obtaining Processor Information Via the CPUID Instruction". CPUID never advertises
/// what the machine does not implement.
public struct Profile: Sendable {
  public enum Vendor: String, Sendable, CaseIterable {
    case intel, amd
  }

  public let vendor: Vendor
  public let name: String
  let hasFRED: Bool

  init(vendor: Vendor, name: String? = nil, hasFRED: Bool = false) {
    self.vendor = vendor
    self.name = name ?? vendor.rawValue
    self.hasFRED = hasFRED
  }

  public static let intel = Profile(vendor: .intel)
  public static let amd = Profile(vendor: .amd)
  public static let all: [Profile] = [.intel, .amd]

  /// Bits of a physical address.
  static let physicalAddressBits: UInt64 = 40

  let hasGigabytePages = true
  let hasRDTSCP = true
  let hasSMAP = true
  let hasCompareExchange16B = true
  let hasPopulationCount = false
  var hasINVPCID: Bool { vendor == .intel }
  var hasPCID: Bool { vendor == .intel }

  // Where the vendors' processors differ.
  var hasSyscallInCompatibilityMode: Bool { vendor == .amd }
  var hasSysenterInLongMode: Bool { vendor == .intel }
  /// SYSRET to a non-canonical address faults at privilege 0 (Intel) rather than at the target (AMD).
  var checksSysretTarget: Bool { vendor == .intel }
  /// SYSRET leaves the hidden attributes of SS (AMD).
  var sysretKeepsStackAttributes: Bool { vendor == .amd }
  /// An event that takes its stack from the IST leaves SS null even where the privilege stays (Intel).
  var interruptStackTableNullsSS: Bool { vendor == .intel }
  /// PerfEvtSel0 to 3, PerfCtr0 to 3 and RDPMC, which every AMD64 processor has (AMD APM vol. 2, "Performance Counter MSRs").
  var hasPerformanceCounters: Bool { vendor == .amd }
  /// A load of SS holds back an instruction breakpoint on the instruction behind it (Intel).
  var stackLoadHoldsInstructionBreakpoints: Bool { vendor == .intel }
  /// Loading a null selector clears the hidden base (Intel; AMD before Zen 2 keeps it).
  var nullSelectorClearsBase: Bool { vendor == .intel }

  var cr4Allowed: UInt64 {
    // VME, PVI, TSD, DE, PSE, PAE, MCE, PGE, PCE, OSFXSR, OSXMMEXCPT, FSGSBASE, SMEP, SMAP
    var allowed: UInt64 = 0x7FF & ~3 | 3
    allowed |= CR4.fsgsbase | CR4.smep | CR4.smap
    if hasPCID { allowed |= CR4.processContextIdentifiers }
    if hasFRED { allowed |= CR4.fred }
    return allowed
  }

  var eferAllowed: UInt64 {
    EFER.syscallEnable | EFER.longModeEnable | EFER.longModeActive | EFER.noExecute
  }

  /// IA32_MCG_CAP: one bank; on Intel software error recovery (MCG_SER_P).
  var machineCheckCapabilities: UInt64 { vendor == .intel ? 1 << 24 | 1 : 1 }

  /// IA32_MC0_STATUS of the machine check that can be injected, one that a kernel need not die of: on Intel an uncorrected
  /// error found by memory scrubbing, "action optional" (SDM vol. 3B, "Machine-Check Error Codes Interpretation", "UCR Error
  /// Classification"); AMD has none that is both fatal to nothing and an exception, so the bank stays empty.
  public var injectedMachineCheck: UInt64 {
    // VAL, UC, EN, S; MCACOD 0xC0: memory scrubbing.
    vendor == .intel ? 1 << 63 | 1 << 61 | 1 << 60 | 1 << 56 | 0xC0 : 0
  }

  var microcodeRevision: UInt64 { vendor == .intel ? 0x1 << 32 : 0x0100_0065 }

  /// MSRs that read as a constant; nil where there is none.
  func constantMSR(_ index: UInt32) -> UInt64? {
    switch (vendor, index) {
    case (.amd, 0xC001_0010), (.amd, 0xC001_001A), (.amd, 0xC001_001D), (.amd, 0xC001_001F),
      (.amd, 0xC001_1029), (.amd, 0xC001_0055), (.amd, 0xC001_0112), (.amd, 0xC001_0113), (.amd, 0xC001_0114),
      (.amd, 0xC001_1020), (.amd, 0xC001_1022), (.amd, 0xC001_102A), (.amd, 0xC001_1005):
      return 0
    default: return nil
    }
  }

  /// MSRs whose writes do nothing.
  func ignoresWrite(_ index: UInt32) -> Bool { constantMSR(index) != nil }

  // MARK: CPUID

  /// FPU DE PSE TSC MSR PAE MCE CX8 APIC SEP PGE MCA CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2
  private var features1D: UInt32 {
    var bits: UInt32 = 0
    for bit in [0, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 14, 15, 16, 17, 19, 23, 24, 25, 26] { bits |= 1 << UInt32(bit) }
    return bits
  }

  func cpuid(leaf: UInt32, subleaf: UInt32, osxsave: Bool, apicEnabled: Bool)
    -> (UInt32, UInt32, UInt32, UInt32)
  {
    let zero: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    switch leaf {
    case 0:
      let name = vendor == .intel ? "GenuineIntel" : "AuthenticAMD"
      let words = Self.words(name, count: 3)
      return (7, words[0], words[2], words[1])
    case 1:
      // Family 6 model 0x3C (Haswell) stepping 3; family 0x17 model 1 stepping 2 (Zen).
      let signature: UInt32 = vendor == .intel ? hasFRED ? 0x000D_0651 : 0x000_306C3 : 0x0080_0F12
      var c: UInt32 = 1 << 0 | 1 << 13
      if hasPCID { c |= 1 << 17 }
      var d = features1D
      if !apicEnabled { d &= ~(1 << 9) }
      return (signature, 8 << 8 | 1 << 16, c, d)
    case 7 where subleaf == 0:
      // FSGSBASE, SMEP, SMAP; INVPCID on Intel.
      var b: UInt32 = 1 << 0 | 1 << 7 | 1 << 20
      if hasINVPCID { b |= 1 << 10 }
      return (features71A == 0 ? 0 : 1, b, 0, architecturalCapabilities == nil ? 0 : 1 << 29)
    case 7 where subleaf == 1: return (features71A, 0, 0, 0)
    case 0x8000_0000:
      let words = Self.words(vendor == .intel ? "GenuineIntel" : "AuthenticAMD", count: 3)
      return vendor == .intel ? (0x8000_0008, 0, 0, 0) : (0x8000_0008, words[0], words[2], words[1])
    case 0x8000_0001:
      // SYSCALL, NX, 1 GiB pages, RDTSCP, long mode; LAHF in long mode.
      let d: UInt32 = 1 << 11 | 1 << 20 | 1 << 26 | 1 << 27 | 1 << 29
      // AMD repeats the common bits of leaf 1.
      let common = features1D & 0x0183_F3FF
      let syscall = vendor == .amd ? d | common & ~(1 << 11) : d
      return (vendor == .amd ? 0x0080_0F12 : 0, 0, 1, syscall)
    case 0x8000_0002, 0x8000_0003, 0x8000_0004:
      let text = "Limen \(vendor == .intel ? "Intel" : "AMD") profile processor"
      let words = Self.words(text, count: 12)
      let at = Int(leaf - 0x8000_0002) * 4
      return (words[at], words[at + 1], words[at + 2], words[at + 3])
    case 0x8000_0007:
      // Invariant TSC.
      return (0, 0, 0, 1 << 8)
    case 0x8000_0008: return (UInt32(Self.physicalAddressBits) | 48 << 8, 0, 0, 0)
    default: return zero
    }
  }

  /// The text as little-endian words, padded with zeros.
  private static func words(_ text: String, count: Int) -> [UInt32] {
    var bytes = Array(text.utf8)
    bytes += [UInt8](repeating: 0, count: max(0, count * 4 - bytes.count))
    return (0..<count).map { i in
      (0..<4).reduce(0) { $0 | UInt32(bytes[i * 4 + $1]) << UInt32($1 * 8) }
    }
  }
}

extension Processor {
  /// Physical-address bits beyond the processor's width, which table entries and CR3 must have clear.
  var physicalAddressReserved: UInt64 { 0x000F_FFFF_FFFF_FFFF & ~((1 << Profile.physicalAddressBits) - 1) }
}
