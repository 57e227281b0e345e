/// The registers by which software restrains speculation: which of them a profile has, and which bits may be written.
///
/// SDM vol. 4, "IA32_SPEC_CTRL", "IA32_PRED_CMD", "IA32_FLUSH_CMD", "IA32_ARCH_CAPABILITIES", "IA32_MCU_OPT_CTRL"; Intel, "CPUID
/// Enumeration and Architectural MSRs"; AMD APM vol. 2, "Speculation Control MSRs"; AMD, "Software Techniques for Managing Speculation".

extension Profile {
  var hasArchitectureCapabilities: Bool { features.leaf7D & 1 << 29 != 0 }
  var hasFlushCommand: Bool { features.leaf7D & 1 << 28 != 0 }
  /// AMD's EFER.AIBRSE.
  var hasAutomaticIBRS: Bool { features.extended21A & 1 << 8 != 0 }
  /// IA32_MCU_OPT_CTRL: RNGDS_MITG_DIS where there is SRBDS_CTRL, GDS_MITG_DIS and its lock where there is GDS_CTRL.
  var microcodeOptions: UInt64 {
    (features.leaf7D & 1 << 9 != 0 ? 1 << 0 : 0)
      | (architectureCapabilities & ArchitectureCapabilities.gatherDataSamplingControl != 0 ? 1 << 4 | 1 << 5 : 0)
  }

  /// Bits of SPEC_CTRL that may be written; 0 where there is no such register.
  var speculationControls: UInt64 {
    var allowed: UInt64 = 0
    switch vendor {
    case .intel:
      if features.leaf7D & 1 << 26 != 0 { allowed |= SpeculationControl.restrictedBranches }
      if features.leaf7D & 1 << 27 != 0 { allowed |= SpeculationControl.singleThreadPredictors }
      if features.leaf7D & 1 << 31 != 0 { allowed |= SpeculationControl.storeBypassDisable }
      if features.leaf72D & 1 << 0 != 0 { allowed |= SpeculationControl.forwardingDisable }
      if features.leaf72D & 1 << 1 != 0 { allowed |= SpeculationControl.indirectPredictorDisable }
      if features.leaf72D & 1 << 2 != 0 { allowed |= SpeculationControl.alternateReturnsDisable }
      if features.leaf72D & 1 << 3 != 0 { allowed |= SpeculationControl.dataDependentPrefetchDisable }
      if features.leaf72D & 1 << 4 != 0 { allowed |= SpeculationControl.branchHistoryDisable }
    case .amd:
      if features.extended8B & 1 << 14 != 0 { allowed |= SpeculationControl.restrictedBranches }
      if features.extended8B & 1 << 15 != 0 { allowed |= SpeculationControl.singleThreadPredictors }
      if features.extended8B & 1 << 24 != 0 { allowed |= SpeculationControl.storeBypassDisable }
      if features.extended8B & 1 << 28 != 0 { allowed |= SpeculationControl.forwardingDisable }
    }
    return allowed
  }

  /// VERW with a memory operand overwrites the buffers that hold data of the privilege before.
  public var verwClearsBuffers: Bool {
    features.leaf7D & 1 << 10 != 0 || features.extended21A & 1 << 5 != 0
      || architectureCapabilities & ArchitectureCapabilities.registerFileClear != 0
      || (vendor == .amd && verwClearingRevision.map { microcodeRevision >= $0 } ?? false)
  }

  /// The patch level from which VERW clears, on AMD's parts whose CPUID need not say so.
  private var verwClearingRevision: UInt64? {
    switch microcodeRevision >> 8 {
    case 0xA0011: 0x0A00_11D7
    case 0xA1011: 0x0A10_1154
    default: nil
    }
  }

  /// AMD's registers that keep what is written and decide nothing here: DE_CFG, BP_CFG of Zen 3 and 4, and Zen 2's BP_CFG2.
  var hasBranchConfiguration: Bool { vendor == .amd && lastExtendedLeaf > 0x8000_0008 }
}

/// Bits of IA32_SPEC_CTRL and of AMD's SPEC_CTRL.
public enum SpeculationControl {
  /// IBRS.
  public static let restrictedBranches: UInt64 = 1 << 0
  /// STIBP.
  static let singleThreadPredictors: UInt64 = 1 << 1
  /// SSBD.
  static let storeBypassDisable: UInt64 = 1 << 2
  /// IPRED_DIS_U and IPRED_DIS_S.
  static let indirectPredictorDisable: UInt64 = 1 << 3 | 1 << 4
  /// RRSBA_DIS_U and RRSBA_DIS_S.
  static let alternateReturnsDisable: UInt64 = 1 << 5 | 1 << 6
  /// PSFD.
  static let forwardingDisable: UInt64 = 1 << 7
  /// DDPD_U.
  static let dataDependentPrefetchDisable: UInt64 = 1 << 8
  /// BHI_DIS_S.
  public static let branchHistoryDisable: UInt64 = 1 << 10
}

/// Bits of IA32_PRED_CMD and of AMD's PRED_CMD.
enum PredictorCommand {
  /// IBPB.
  static let barrier: UInt64 = 1 << 0
  /// SBPB.
  static let selectiveBarrier: UInt64 = 1 << 7
}
