/// Zen 6, family 1AH, model 50H: FRED and LKGS, as far as AMD has said.
///
/// No manual of a part's could be had, nor a dump of its CPUID. What is documented: that AMD's processors get FRED with the instruction set that it has
/// elsewhere (AMD and Intel, "x86 Ecosystem Advisory Group", October 2025; AMD64 Flexible Return and Event Delivery (FRED) Virtualization,
/// publication 69191, which has what guests add); which models of family 1AH are Zen 6: 50H to 5FH, 90H to AFH, C0H to CFH (Linux 24ee8d9432b5,
/// AMD's). Xen tells it from Zen 5 by FRED. LKGS is shown since no kernel takes FRED without it (Linux `cpuid_deps`). Everything else is Zen
/// 5's, of which AMD has documented it: whether this part's own bits say more is not known, WRMSRNS among them. Nor is what a kernel owes on it: nothing here. The patch level is any.
///
/// Where the vendors differ: SYSCALL of compatibility code is an event as SYSCALL of 64-bit code is, whose frame says that it is not 64-bit (Xen
/// arch/x86/traps.c, `entry_from_pv`); SYSENTER in long mode is #UD as ever.

extension Profile {
  public static let zen6 = Profile(
    "zen6", .amd, brand: "Limen profile of Zen 6", signature: 0x00B5_0F00, lastLeaf: 0x10,
    lastExtendedLeaf: 0x8000_0028, threadsPerCore: 2, microcodeRevision: 0x0B50_0001,
    predictorCommands: PredictorCommand.barrier | PredictorCommand.selectiveBarrier, decodeConfiguration: 1 << 1,
    words: words)

  private static var words: FeatureWords {
    var words = zen5.features
    // FRED LKGS
    words.leaf71A = FeatureWords.bits(17, 18)
    return words
  }
}
