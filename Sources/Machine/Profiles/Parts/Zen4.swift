/// Genoa, family 19H, model 11H: automatic IBRS, SRSO by aliased code, and TSA, so VERW at every return.
///
/// CPUID: QEMU's model EPYC-Genoa (`target/i386/cpu.c`); leaf 8000_0008 EBX 791EF257H, as dumps of this family have it. Leaf 8000_0021:
/// LFENCE serialises, a null selector clears the base, automatic IBRS. PRED_CMD takes SBPB (AMD, "Technical Update Regarding Speculative
/// Return Stack Overflow"). Patch level 0A101154H: VERW clears from there on (AMD-SB-7029). A kernel owes it, and returns untrained by a branch
/// that shares their place in the predictor.

extension Profile {
  public static let zen4 = Profile(
    "zen4", .amd, brand: "Limen profile of Zen 4 (Genoa)", signature: 0x00A1_0F11, lastLeaf: 0x10,
    lastExtendedLeaf: 0x8000_0028, threadsPerCore: 2, microcodeRevision: 0x0A10_1154,
    predictorCommands: PredictorCommand.barrier | PredictorCommand.selectiveBarrier, decodeConfiguration: 1 << 1,
    owed: [.heldReturns, .clearedBuffers, .aliasedReturns],
    words: FeatureWords(
      leaf1C: 0x7EFA_320B, leaf1D: 0x178B_FBFF, leaf7B: 0xF1BF_97A9, leaf7C: 0x0040_5FCE, leaf7D: 0x1000_0010,
      extended1C: 0x75C2_37FF, extended1D: 0x2FD3_FBFF, extended8B: 0x791E_F257,
      extended21A: FeatureWords.bits(0, 2, 6, 8)))
}
