/// Skylake-SP and Skylake-X, family 6, model 55H, stepping 4: Meltdown, MDS and Retbleed; IBRS at every entry.
///
/// CPUID: the dump of an i7-7800X that Bochs carries (`bochs/cpu/cpudb/intel/corei7_skylake-x.cc`). It is older than the microcode
/// of 2018, which added leaf 7 EDX: MD_CLEAR, IBRS_IBPB, STIBP, L1D_FLUSH and SSBD (Intel, "CPUID Enumeration and Architectural MSRs").
/// There is no ARCH_CAPABILITIES. Microcode revision: 02007006H, as Intel's release notes of 2023 have it for this part.

extension Profile {
  public static let skylake = Profile(
    "skylake", .intel, brand: "Limen profile of Skylake-SP", signature: 0x0005_0654, lastLeaf: 0x16,
    threadsPerCore: 2, microcodeRevision: 0x0200_7006 << 32, predictorCommands: PredictorCommand.barrier,
    words: FeatureWords(
      leaf1C: 0x7FFE_FBBF, leaf1D: 0xBFEB_FBFF, leaf7B: 0xD39F_FFFB,
      leaf7D: FeatureWords.bits(10, 26, 27, 28, 31), extended1C: 0x121, extended1D: 0x2C10_0800))
}
