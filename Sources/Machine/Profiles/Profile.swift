/// A processor that Limen models: its vendor, its features, its CPUID. Nothing is taken from the host.
///
/// SDM vol. 2A, "CPUID"; AMD APM vol. 3, "Obtaining Processor Information Via the CPUID Instruction". CPUID never advertises
/// what the machine does not implement: a part's table says what the part has, and `FeatureWords.implemented` what is shown of it. A part
/// is one file in `Parts`, its line in `all`, and its name in `ProfileName`.
/// Not modelled: of the parts that are named after a processor, what their CPUID leaves out: XSAVE and all that needs it (AVX, AMX, PKU,
/// shadow stacks), SSE4A, misaligned SSE, AES, SHA, PCLMULQDQ, ADX, TSX, MONITOR, x2APIC, LA57, LASS, LAM, virtualisation, performance monitoring, caches (leaf 4 is empty), all but one core
/// and one thread of it (CPUID says that the core has two), and more than 40 bits of physical address. Of Zen 6 AMD has said that it has FRED, and
/// nothing of its CPUID: the rest is Zen 5's. Times, caches, branch predictors and buffers are not there, so that a mitigation is an instruction that is executed.
public struct Profile: Sendable {
  public enum Vendor: String, Sendable, CaseIterable {
    case intel, amd
  }

  /// The name on the command line.
  public var name: String { "\(part)" }
  let part: StaticString
  public let vendor: Vendor
  /// What CPUID calls it; 48 bytes at most.
  let brand: StaticString
  /// Leaf 1, EAX: family, model and stepping.
  let signature: UInt32
  /// The highest basic and extended leaves.
  let lastLeaf: UInt32
  let lastExtendedLeaf: UInt32
  /// Logical processors of a core, as CPUID says; no more than one is there.
  let threadsPerCore: UInt32
  /// Leaf 1AH, EAX of a hybrid part: the kind of its core.
  let coreType: UInt32
  /// The features that CPUID shows.
  public let features: FeatureWords
  /// IA32_ARCH_CAPABILITIES as it reads, where CPUID says that it is there.
  let architectureCapabilities: UInt64
  /// IA32_BIOS_SIGN_ID, or AMD's PATCH_LEVEL.
  let microcodeRevision: UInt64
  /// Bits of PRED_CMD that may be written; 0 where there is no such register.
  let predictorCommands: UInt64
  /// What AMD's DE_CFG reads as before anybody writes: bit 1 says that LFENCE serialises.
  let decodeConfiguration: UInt64
  /// Loading a null selector clears the hidden base (Intel; AMD before Zen 2 keeps it).
  let nullSelectorClearsBase: Bool
  /// What a kernel owes its users on it.
  public let owed: OwedGuards

  /// - Parameter words: what the part has, whether the machine implements it or not.
  init(
    _ part: StaticString, _ vendor: Vendor, brand: StaticString, signature: UInt32, lastLeaf: UInt32,
    lastExtendedLeaf: UInt32 = 0x8000_0008, threadsPerCore: UInt32 = 1, coreType: UInt32 = 0,
    architectureCapabilities: UInt64 = 0, microcodeRevision: UInt64, predictorCommands: UInt64 = 0,
    decodeConfiguration: UInt64 = 0, nullSelectorClearsBase: Bool = true, owed: OwedGuards = [], words: FeatureWords
  ) {
    self.part = part
    self.vendor = vendor
    self.brand = brand
    self.signature = signature
    self.lastLeaf = lastLeaf
    self.lastExtendedLeaf = lastExtendedLeaf
    self.threadsPerCore = threadsPerCore
    self.coreType = coreType
    self.architectureCapabilities = architectureCapabilities & ArchitectureCapabilities.implemented
    self.microcodeRevision = microcodeRevision
    self.predictorCommands = predictorCommands
    self.decodeConfiguration = decodeConfiguration
    self.nullSelectorClearsBase = nullSelectorClearsBase
    self.owed = owed
    features = words.intersection(.implemented)
  }

  /// A processor of each vendor's without a name, without anything against speculation.
  public static let plain: [Profile] = [.intel, .amd]
  /// Every profile, in the order of `ProfileName`.
  public static let all: [Profile] =
    plain + [.skylake, .iceLake, .raptorLake, .wildcatLake, .zen2, .zen3, .zen4, .zen5, .zen6]

  public static func named(_ name: String) -> Profile? { all.first { $0.name == name } }

  /// Bits of a physical address.
  static let physicalAddressBits: UInt64 = 40

  let hasGigabytePages = true
  let hasRDTSCP = true
  let hasSMAP = true
  let hasCompareExchange16B = true
  var hasSSSE3: Bool { features.leaf1C & 1 << 9 != 0 }
  var hasSSE41: Bool { features.leaf1C & 1 << 19 != 0 }
  var hasSSE42: Bool { features.leaf1C & 1 << 20 != 0 }
  var hasMOVBE: Bool { features.leaf1C & 1 << 22 != 0 }
  var hasBMI1: Bool { features.leaf7B & 1 << 3 != 0 }
  var hasBMI2: Bool { features.leaf7B & 1 << 8 != 0 }
  var hasLZCNT: Bool { features.extended1C & 1 << 5 != 0 }
  var hasPopulationCount: Bool { features.leaf1C & 1 << 23 != 0 }
  var hasRDRAND: Bool { features.leaf1C & 1 << 30 != 0 }
  var hasRDSEED: Bool { features.leaf7B & 1 << 18 != 0 }
  var hasINVPCID: Bool { features.leaf7B & 1 << 10 != 0 }
  var hasCLWB: Bool { features.leaf7B & 1 << 24 != 0 }
  var hasPCID: Bool { features.leaf1C & 1 << 17 != 0 }
  var hasUMIP: Bool { features.leaf7C & 1 << 2 != 0 }
  var hasRDPID: Bool { features.leaf7C & 1 << 22 != 0 }
  var hasBranchTracking: Bool { features.leaf7D & 1 << 20 != 0 }
  var hasFRED: Bool { features.leaf71A & 1 << 17 != 0 }
  var hasLKGS: Bool { features.leaf71A & 1 << 18 != 0 }
  var hasWRMSRNS: Bool { features.leaf71A & 1 << 19 != 0 }
  var hasSERIALIZE: Bool { features.leaf7D & 1 << 14 != 0 }

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

  var cr4Allowed: UInt64 {
    // VME, PVI, TSD, DE, PSE, PAE, MCE, PGE, PCE, OSFXSR, OSXMMEXCPT, FSGSBASE, SMEP, SMAP
    var allowed: UInt64 = 0x7FF & ~3 | 3
    allowed |= CR4.fsgsbase | CR4.smep | CR4.smap
    if hasPCID { allowed |= CR4.processContextIdentifiers }
    if hasFRED { allowed |= CR4.fred }
    if hasBranchTracking { allowed |= CR4.controlFlowEnforcement }
    if hasUMIP { allowed |= CR4.userModeInstructionPrevention }
    return allowed
  }

  var eferAllowed: UInt64 {
    let all = EFER.syscallEnable | EFER.longModeEnable | EFER.longModeActive | EFER.noExecute
    return hasAutomaticIBRS ? all | EFER.automaticIBRS : all
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

  /// MSRs that read as a constant; nil where there is none.
  func constantMSR(_ index: UInt32) -> UInt64? {
    switch (vendor, index) {
    case (.amd, 0xC001_0010), (.amd, 0xC001_001A), (.amd, 0xC001_001D), (.amd, 0xC001_001F),
      (.amd, 0xC001_1029), (.amd, 0xC001_0055), (.amd, 0xC001_0112), (.amd, 0xC001_0113), (.amd, 0xC001_0114),
      (.amd, 0xC001_1020), (.amd, 0xC001_1028), (.amd, 0xC001_1022), (.amd, 0xC001_102A), (.amd, 0xC001_1005):
      return 0
    default: return nil
    }
  }

  /// MSRs whose writes do nothing.
  func ignoresWrite(_ index: UInt32) -> Bool { constantMSR(index) != nil }
}

extension Processor {
  /// Physical-address bits beyond the processor's width, which table entries and CR3 must have clear.
  var physicalAddressReserved: UInt64 { 0x000F_FFFF_FFFF_FFFF & ~((1 << Profile.physicalAddressBits) - 1) }
}
