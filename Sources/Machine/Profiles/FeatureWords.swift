/// The words of CPUID that name features, as one value: what a part has, what the machine can do, what is shown.
///
/// SDM vol. 2A, "CPUID"; AMD APM vol. 3, "Obtaining Processor Information Via the CPUID Instruction". The names of the bits are those
/// of the manuals and, for what guards against speculation, of the vendors' papers: Intel, "CPUID Enumeration and Architectural MSRs";
/// AMD, "Software Techniques for Managing Speculation on AMD Processors" and "Technical Guidance for Mitigating Transient Scheduler Attacks".
public struct FeatureWords: Sendable, Hashable {
  /// Leaf 1, ECX and EDX.
  var leaf1C: UInt32 = 0
  var leaf1D: UInt32 = 0
  /// Leaf 7, subleaf 0: EBX, ECX, EDX; subleaf 1: EAX; subleaf 2: EDX.
  var leaf7B: UInt32 = 0
  var leaf7C: UInt32 = 0
  var leaf7D: UInt32 = 0
  var leaf71A: UInt32 = 0
  var leaf72D: UInt32 = 0
  /// Leaf 8000_0001, ECX and EDX.
  var extended1C: UInt32 = 0
  var extended1D: UInt32 = 0
  /// Leaf 8000_0008, EBX.
  var extended8B: UInt32 = 0
  /// Leaf 8000_0021, EAX and ECX.
  var extended21A: UInt32 = 0
  var extended21C: UInt32 = 0

  func intersection(_ other: FeatureWords) -> FeatureWords {
    FeatureWords(
      leaf1C: leaf1C & other.leaf1C, leaf1D: leaf1D & other.leaf1D, leaf7B: leaf7B & other.leaf7B,
      leaf7C: leaf7C & other.leaf7C, leaf7D: leaf7D & other.leaf7D, leaf71A: leaf71A & other.leaf71A,
      leaf72D: leaf72D & other.leaf72D, extended1C: extended1C & other.extended1C,
      extended1D: extended1D & other.extended1D, extended8B: extended8B & other.extended8B,
      extended21A: extended21A & other.extended21A, extended21C: extended21C & other.extended21C)
  }

  /// What the machine implements. What a part has beyond it its CPUID leaves out.
  static let implemented = FeatureWords(
    // SSE3 SSSE3 CMPXCHG16B PCID SSE4.1 SSE4.2 MOVBE POPCNT RDRAND
    leaf1C: bits(0, 9, 13, 17, 19, 20, 22, 23, 30),
    // FPU DE PSE TSC MSR PAE MCE CX8 APIC SEP PGE MCA CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2 HTT
    leaf1D: bits(0, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 14, 15, 16, 17, 19, 23, 24, 25, 26, 28),
    // FSGSBASE BMI1 SMEP BMI2 ERMS INVPCID RDSEED SMAP CLFLUSHOPT CLWB
    leaf7B: bits(0, 3, 7, 8, 9, 10, 18, 20, 23, 24),
    // UMIP RDPID
    leaf7C: bits(2, 22),
    // FSRM SRBDS_CTRL MD_CLEAR SERIALIZE HYBRID CET_IBT IBRS_IBPB STIBP L1D_FLUSH ARCH_CAPABILITIES SSBD
    leaf7D: bits(4, 9, 10, 14, 15, 20, 26, 27, 28, 29, 31),
    // FRED LKGS WRMSRNS
    leaf71A: bits(17, 18, 19),
    // PSFD IPRED_CTRL RRSBA_CTRL DDPD_U BHI_CTRL
    leaf72D: bits(0, 1, 2, 3, 4),
    // LAHF CMP_LEGACY LZCNT (AMD: ABM) 3DNOWPREFETCH TOPOEXT
    extended1C: bits(0, 1, 5, 8, 22),
    // What AMD repeats of leaf 1, SYSCALL NX 1GB RDTSCP LM
    extended1D: 0x0183_F3FF | bits(11, 20, 26, 27, 29),
    // IBPB IBRS STIBP IBRS_ALWAYS STIBP_ALWAYS IBRS_PREFERRED IBRS_SAME_MODE SSBD PSFD BTC_NO IBPB_RET
    extended8B: bits(12, 14, 15, 16, 17, 18, 19, 24, 28, 29, 30),
    // LFENCE_SERIALIZING VERW_CLEAR NULL_SELECTOR_CLEARS_BASE AUTOMATIC_IBRS SBPB IBPB_BRTYPE SRSO_NO SRSO_USER_KERNEL_NO
    extended21A: bits(2, 5, 6, 8, 27, 28, 29, 30),
    // TSA_SQ_NO TSA_L1_NO
    extended21C: bits(1, 2))

  static func bits(_ positions: UInt32...) -> UInt32 { positions.reduce(0) { $0 | 1 << $1 } }
}

/// Bits of IA32_ARCH_CAPABILITIES. SDM vol. 4, "IA32_ARCH_CAPABILITIES"; Intel, "CPUID Enumeration and Architectural MSRs".
public enum ArchitectureCapabilities {
  /// Those that say something of the processor alone, or of what the machine implements: not those that promise another register
  /// (TSX_CTRL, MISC_PACKAGE_CTLS, ENERGY_FILTERING_CTL, DOITM, MCU_CONTROL, FB_CLEAR_CTRL, XAPIC_DISABLE, OVERCLOCKING_STATUS).
  static let implemented: UInt64 = [
    0, 1, 2, 3, 4, 5, 6, 8, 13, 14, 15, 17, 19, 20, 24, 25, 26, 27, 28, 62,
  ].reduce(0) { $0 | 1 << UInt64($1) }
  static let meltdownNo: UInt64 = 1 << 0
  public static let enhancedIBRS: UInt64 = 1 << 1
  /// RSBA: where the return stack is empty, returns are predicted as other indirect branches; RRSBA, within one privilege alone.
  public static let alternatePredictor: UInt64 = 1 << 2
  public static let restrictedAlternatePredictor: UInt64 = 1 << 19
  static let microarchitecturalDataSamplingNo: UInt64 = 1 << 5
  static let gatherDataSamplingControl: UInt64 = 1 << 25
  public static let gatherDataSamplingNo: UInt64 = 1 << 26
  public static let registerFileDataSamplingNo: UInt64 = 1 << 27
  public static let registerFileClear: UInt64 = 1 << 28
  public static let indirectTargetSelectionNo: UInt64 = 1 << 62
}
