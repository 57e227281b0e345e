/// Wildcat Lake, family 6, model D5H, stepping 1: FRED, LKGS and WRMSRNS. None of what makes VERW, IBRS or a loop at the entry needed.
///
/// CPUID: Bochs cpu/cpudb/intel/wildcat_lake.txt, the dump of a processor. It has no IA32_ARCH_CAPABILITIES: here those are set that QEMU's
/// model of Diamond Rapids, of the same year, has (RDCL_NO, IBRS_ALL, SKIP_L1DFL_VMENTRY, MDS_NO, PSCHANGE_MC_NO, TAA_NO, SBDR_SSDP_NO,
/// FBSDP_NO, PSDP_NO, RRSBA, BHI_NO, PBRSB_NO, GDS_NO, RFDS_NO), and ITS_NO. Leaf 1AH: one of its performance cores. The microcode's revision is
/// any.

extension Profile {
  public static let wildcatLake = Profile(
    "wildcat-lake", .intel, brand: "Limen profile of Wildcat Lake", signature: 0x000D_0651, lastLeaf: 0x28,
    coreType: 0x4000_0001, architectureCapabilities: 0x4000_0000_0D18_E16B, microcodeRevision: 0x10C << 32,
    predictorCommands: PredictorCommand.barrier,
    words: FeatureWords(
      leaf1C: 0x7FFA_FBFF, leaf1D: 0xBFEB_FBFF, leaf7B: 0x239C_A7EB, leaf7C: 0x9940_07AC, leaf7D: 0xFC18_C430,
      leaf71A: 0x4CCE_09D7, leaf72D: 0xBF, extended1C: 0x121, extended1D: 0x2C10_0800))
}
