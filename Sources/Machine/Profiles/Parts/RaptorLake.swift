/// Raptor Lake-S, family 6, model B7H, stepping 1: RFDS, so VERW at every return; BHI_DIS_S instead of a loop.
///
/// CPUID and IA32_ARCH_CAPABILITIES: the raw policy of an i5-12600K, whose cores it has (xen-devel, April 2026, `xen-cpuid -p` of an Alder
/// Lake-S: leaf 7 239C27EB/98C027AC/FC1CC410, subleaf 1 00400810, subleaf 2 17H, MSR 10AH 1488FD6BH), under Raptor Lake's signature (Intel,
/// "Affected Processors"). Leaf 1AH: one of its performance cores. Microcode revision: 12AH.
/// A kernel owes VERW (Intel, "Register File Data Sampling"), fences at SWAPGS, and BHI_DIS_S or a loop ("Branch History Injection").

extension Profile {
  public static let raptorLake = Profile(
    "raptor-lake", .intel, brand: "Limen profile of Raptor Lake-S", signature: 0x000B_0671, lastLeaf: 0x20,
    threadsPerCore: 2, coreType: 0x4000_0001, architectureCapabilities: 0x1488_FD6B, microcodeRevision: 0x12A << 32,
    predictorCommands: PredictorCommand.barrier, owed: [.fencedSWAPGS, .clearedBuffers, .clearedHistory],
    words: FeatureWords(
      leaf1C: 0x77FA_FBBF, leaf1D: 0xBFEB_FBFF, leaf7B: 0x239C_27EB, leaf7C: 0x98C0_27AC, leaf7D: 0xFC1C_C410,
      leaf71A: 0x0040_0810, leaf72D: 0x17, extended1C: 0x121, extended1D: 0x2C10_0800))
}
