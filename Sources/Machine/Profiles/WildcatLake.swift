/// Intel's Wildcat Lake as far as this machine has it: FRED, LKGS and WRMSRNS.
///
/// Bochs cpu/cpudb/intel/wildcat_lake.txt, a dump of CPUID, has the signature and leaf 7.1. The capabilities are those that the
/// maker's later processors share: SDM vol. 4, "IA32_ARCH_CAPABILITIES".

extension Profile {
  public static let wildcatLake = Profile(vendor: .intel, name: "wildcat-lake", hasFRED: true)

  var hasLKGS: Bool { hasFRED }
  var hasWRMSRNS: Bool { hasFRED }

  /// IA32_ARCH_CAPABILITIES: RDCL_NO, MDS_NO, PSCHANGE_MC_NO, TAA_NO. Nil where there is none.
  var architecturalCapabilities: UInt64? { hasFRED ? 1 << 0 | 1 << 5 | 1 << 6 | 1 << 8 : nil }

  /// CPUID leaf 7, subleaf 1, EAX.
  var features71A: UInt32 {
    (hasFRED ? 1 << 17 : 0) | (hasLKGS ? 1 << 18 : 0) | (hasWRMSRNS ? 1 << 19 : 0)
  }
}
