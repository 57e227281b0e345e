/// Ice Lake-U, family 6, model 7EH, stepping 5: enhanced IBRS, no Meltdown and no MDS; branch history and ITS by software.
///
/// CPUID: the dump of an i7-1065G7 that Bochs carries (`bochs/cpu/cpudb/intel/corei7_icelake-u.cc`). IA32_ARCH_CAPABILITIES: what QEMU's
/// model Icelake-Server says of the same cores (RDCL_NO, IBRS_ALL, SKIP_L1DFL_VMENTRY, MDS_NO, PSCHANGE_MC_NO, TAA_NO), and what microcode
/// added since: FB_CLEAR and GDS_CTRL, and SRBDS_CTRL in leaf 7 EDX (Intel, "Processor MMIO Stale Data Vulnerabilities" and "Gather Data Sampling").
/// What a kernel owes here: fences at SWAPGS; branch history cleared by a loop, as there is neither BHI_NO nor BHI_CTRL ("Branch History
/// Injection"); branches in the upper half of cache lines ("Indirect Target Selection", the list of affected processors). Its buffers need
/// clearing for guests of its own alone ("Processor MMIO Stale Data"). Microcode revision: BCH, as Intel's release notes of 2023 have it for this part.

extension Profile {
  public static let iceLake = Profile(
    "ice-lake", .intel, brand: "Limen profile of Ice Lake-U", signature: 0x0007_06E5, lastLeaf: 0x1B,
    threadsPerCore: 2, architectureCapabilities: 1 << 25 | 1 << 17 | 0x16B, microcodeRevision: 0xBC << 32,
    predictorCommands: PredictorCommand.barrier, owed: [.fencedSWAPGS, .clearedHistory, .alignedBranches],
    words: FeatureWords(
      leaf1C: 0x7FFA_FBBF, leaf1D: 0xBFEB_FBFF, leaf7B: 0xF2BF_27EB, leaf7C: 0x4040_5F4E, leaf7D: 0xBC00_0410 | 1 << 9,
      extended1C: 0x121, extended1D: 0x2C10_0800))
}
