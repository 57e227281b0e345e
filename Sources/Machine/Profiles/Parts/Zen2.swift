/// Rome, family 17H, model 31H: Retbleed and SRSO, so that returns are untrained and go through thunks.
///
/// CPUID: QEMU's model EPYC-Rome (`target/i386/cpu.c`) for what a guest may have, and for leaf 8000_0008 EBX what the processor says
/// beside it: IBPB, IBRS, STIBP, STIBP_ALWAYS, SSBD (AMD PPR for Family 17h Model 31h, "CPUID_Fn80000008_EBX"). Neither PCID nor INVPCID.
/// A kernel owes untrained returns (AMD, "Technical Guidance for Mitigating Branch Type Confusion") and, behind an IBPB, a filled return stack, as
/// there is no IBPB_RET. LFENCE serialises where DE_CFG bit 1 says so (AMD, "Software Techniques for Managing Speculation"). Patch level 0830107DH: the
/// first that checks signatures of patches with another hash; Zenbleed was mended at 0830107BH (AMD-SB-7008).

extension Profile {
  public static let zen2 = Profile(
    "zen2", .amd, brand: "Limen profile of Zen 2 (Rome)", signature: 0x0083_0F10, lastLeaf: 0x10,
    lastExtendedLeaf: 0x8000_0020, threadsPerCore: 2, microcodeRevision: 0x0830_107D,
    predictorCommands: PredictorCommand.barrier, decodeConfiguration: 1 << 1,
    owed: [.heldReturns, .untrainedReturns, .filledReturnStack],
    words: FeatureWords(
      leaf1C: 0x7ED8_320B, leaf1D: 0x178B_FBFF, leaf7B: 0x219C_91A9, leaf7C: 0x0040_0004,
      extended1C: 0x75C2_37FF, extended1D: 0x2FD3_FBFF, extended8B: FeatureWords.bits(0, 1, 2, 9, 12, 14, 15, 17, 24)))
}
