/// Turin, family 1AH, model 2: automatic IBRS, and no SRSO between user and kernel.
///
/// CPUID: QEMU's model EPYC-Turin (`target/i386/cpu.c`): leaf 8000_0008 EBX IBPB, IBRS, STIBP, STIBP_ALWAYS, SSBD, PSFD, and IBPB_RET as on
/// Zen 4; leaf 8000_0021 EAX LFENCE, null selectors, automatic IBRS, SBPB, IBPB_BRTYPE, SRSO_USER_KERNEL_NO. Neither TSA_SQ_NO nor TSA_L1_NO
/// nor VERW_CLEAR: no table of its own microcode could be had. Patch level 0B00215AH, beyond the ones that mend RDSEED (AMD-SB-7055).

extension Profile {
  public static let zen5 = Profile(
    "zen5", .amd, brand: "Limen profile of Zen 5 (Turin)", signature: 0x00B0_0F21, lastLeaf: 0x10,
    lastExtendedLeaf: 0x8000_0028, threadsPerCore: 2, microcodeRevision: 0x0B00_215A,
    predictorCommands: PredictorCommand.barrier | PredictorCommand.selectiveBarrier, decodeConfiguration: 1 << 1,
    words: FeatureWords(
      leaf1C: 0x7EFA_320B, leaf1D: 0x178B_FBFF, leaf7B: 0xF1BF_97A9, leaf7C: 0x0840_5FCE, leaf7D: 0x1000_0110,
      extended1C: 0x75C2_37FF, extended1D: 0x2FD3_FBFF,
      extended8B: FeatureWords.bits(0, 1, 2, 9, 12, 14, 15, 17, 24, 28, 30),
      extended21A: FeatureWords.bits(0, 2, 6, 8, 27, 28, 30)))
}
