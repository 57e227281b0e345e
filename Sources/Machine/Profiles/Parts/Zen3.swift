/// Milan, family 19H, model 1: SRSO by aliased code, and TSA, so VERW at every return.
///
/// CPUID: QEMU's models EPYC-Milan (`target/i386/cpu.c`), and for leaf 8000_0008 EBX what the processor says beside them (AMD PPR for
/// Family 19h Model 01h, "CPUID_Fn80000008_EBX"): IBPB, IBRS, STIBP, STIBP_ALWAYS, SSBD, PSFD. Leaf 8000_0021: LFENCE serialises, a null
/// selector clears the base. PRED_CMD takes SBPB (AMD, "Technical Update Regarding Speculative Return Stack Overflow"). Patch level
/// 0A0011DBH: VERW clears from 0A0011D7H on (AMD-SB-7029). A kernel owes it, returns untrained by a branch that shares their place in the
/// predictor ("Technical Update Regarding Speculative Return Stack Overflow") and, as there is no IBPB_RET, a filled return stack behind an IBPB.

extension Profile {
  public static let zen3 = Profile(
    "zen3", .amd, brand: "Limen profile of Zen 3 (Milan)", signature: 0x00A0_0F11, lastLeaf: 0x10,
    lastExtendedLeaf: 0x8000_0023, threadsPerCore: 2, microcodeRevision: 0x0A00_11DB,
    predictorCommands: PredictorCommand.barrier | PredictorCommand.selectiveBarrier, decodeConfiguration: 1 << 1,
    owed: [.heldReturns, .clearedBuffers, .aliasedReturns, .filledReturnStack],
    words: FeatureWords(
      leaf1C: 0x7EFA_320B, leaf1D: 0x178B_FBFF, leaf7B: 0x219C_97A9, leaf7C: 0x0040_069C, leaf7D: 0x0000_0010,
      extended1C: 0x75C2_37FF, extended1D: 0x2FD3_FBFF,
      extended8B: FeatureWords.bits(0, 1, 2, 9, 12, 14, 15, 17, 24, 28), extended21A: FeatureWords.bits(0, 2, 6)))
}
