/// The two processors that nobody sells: each vendor's rules, and nothing that guards against speculation.
///
/// They call themselves a Haswell (family 6, model 3CH, stepping 3) and a Zen (family 17H, model 1, stepping 2).

extension Profile {
  public static let intel = Profile(
    "intel", .intel, brand: "Limen Intel profile processor", signature: 0x306C3, lastLeaf: 7,
    microcodeRevision: 0x1 << 32,
    words: FeatureWords(
      // SSE3 CMPXCHG16B PCID
      leaf1C: FeatureWords.bits(0, 13, 17), leaf1D: common1D,
      // FSGSBASE SMEP INVPCID SMAP
      leaf7B: FeatureWords.bits(0, 7, 10, 20),
      // LAHF
      extended1C: 1, extended1D: extended1D))

  public static let amd = Profile(
    "amd", .amd, brand: "Limen AMD profile processor", signature: 0x0080_0F12, lastLeaf: 7,
    microcodeRevision: 0x0100_0065, nullSelectorClearsBase: false,
    words: FeatureWords(
      leaf1C: FeatureWords.bits(0, 13), leaf1D: common1D, leaf7B: FeatureWords.bits(0, 7, 20), extended1C: 1,
      // AMD repeats the common bits of leaf 1.
      extended1D: extended1D | common1D & 0x0183_F3FF & ~(1 << 11)))

  /// All that the machine implements of leaf 1, EDX, on one processor alone.
  private static let common1D = FeatureWords.implemented.leaf1D & ~(1 << 28)
  /// SYSCALL NX 1GB RDTSCP LM
  private static let extended1D = FeatureWords.bits(11, 20, 26, 27, 29)
}
