/// What CPUID says to a PV domain: of the processor's features those that work in one, and the hypervisor's own leaves.
///
/// Xen `xen/arch/x86/cpuid.c`, `guest_cpuid`; `xen/arch/x86/cpu-policy.c`; `xen/arch/x86/cpu/amd.c`; `xen/arch/x86/spec_ctrl.c`;
/// `xen/include/public/arch-x86/cpufeatureset.h`, where features for PV guests have the letter A; `xen/arch/x86/traps.c`,
/// `cpuid_hypervisor_leaves`; `xen/include/public/arch-x86/cpuid.h`. The features are those of Debian's 4.17.7 (`pv_def_featuremask` of its
/// image), and what it makes of each part's is compared in `ProcessorPolicyTests`.
import Machine

extension XenPVComputer {
  typealias CPUIDLeaf = (eax: UInt32, ebx: UInt32, ecx: UInt32, edx: UInt32)

  private var isAMD: Bool { processor.profile.vendor == .amd }
  /// Family, model and stepping as leaf 1 has them.
  private var signature: UInt32 { processor.cpuid(leaf: 1, subleaf: 0).eax }
  private var family: UInt32 { signature >> 8 & 0xF == 0xF ? 0xF + (signature >> 20 & 0xFF) : signature >> 8 & 0xF }
  private var hasIntelsIBRS: Bool { !isAMD && processor.cpuid(leaf: 7, subleaf: 0).edx & 1 << 26 != 0 }

  func paravirtualCPUID(leaf: UInt32, subleaf: UInt32) -> CPUIDLeaf {
    if leaf >= 0x4000_0000 && leaf < 0x4000_0200 { return hypervisorLeaf(leaf, subleaf) }
    let isBasic = leaf < 0x8000_0000
    guard leaf <= (isBasic ? lastLeaf : lastExtendedLeaf) else { return (0, 0, 0, 0) }
    var answer = processor.cpuid(leaf: leaf, subleaf: subleaf)
    switch leaf {
    case 0: answer.eax = lastLeaf
    case 1:
      // No APIC number; features that need privilege 0 or the other kinds of guest are hidden.
      answer.ebx &= 0x00FF_FFFF
      answer.ecx = answer.ecx & Self.features1C | 1 << 31
      answer.edx = answer.edx & Self.features1D | memoryTypes
      // From long mode AMD's processors have no SYSENTER.
      if isAMD { answer.edx &= ~(1 << 11) }
    // Of the caches nothing, in one answer.
    case 2: return (isAMD ? 0 : 1, 0, 0, 0)
    case 7: answer = leaf7(answer, subleaf)
    case 0x8000_0000: answer.eax = lastExtendedLeaf
    case 0x8000_0001:
      answer.ecx &= Self.extendedC
      answer.edx = answer.edx & Self.extendedD | memoryTypes
    case 0x8000_0007:
      // An invariant TSC would keep a domU from moving to another machine.
      if !domain.isPrivileged { answer.edx &= ~(1 << 8) }
    case 0x8000_0008:
      // Zen 3 and 4 have no branch type confusion. IBPB is had by AMD's name for it, also where the processor has Intel's.
      if family == 0x19 { answer.ebx |= 1 << 29 }
      if hasIntelsIBRS { answer.ebx |= 1 << 12 }
      answer.ebx &= Self.extended8B
    case 0x8000_0021:
      answer.eax = (answer.eax | branchFeatures) & Self.extended21A
      // No part but Zen 3 and 4 is affected by Transient Scheduler Attacks.
      answer.ecx = family == 0x19 ? answer.ecx & Self.extended21C : Self.extended21C
    case 3...6, 8...0xD, 0x8000_001E: return (0, 0, 0, 0)
    default: break
    }
    return answer
  }

  /// No leaf behind that of XSAVE.
  private var lastLeaf: UInt32 { min(processor.cpuid(leaf: 0, subleaf: 0).eax, 0xD) }

  /// What Xen found out of itself it says in leaf 8000_0021, also where the processor has none.
  private var lastExtendedLeaf: UInt32 {
    let last = processor.cpuid(leaf: 0x8000_0000, subleaf: 0).eax
    return hasSerialisingLFENCE ? 0x8000_0021 : min(last, 0x8000_0021)
  }

  /// DE_CFG says that LFENCE serialises: AMD's from Zen 2 on, of the parts that are here.
  private var hasSerialisingLFENCE: Bool { isAMD && (processor.modelSpecificRegister(0xC001_1029) ?? 0) & 2 != 0 }

  /// MTRR: the kernel of domain 0 sees it, by which old ones know that there are calls for memory types.
  private var memoryTypes: UInt32 { domain.isPrivileged && domain.vcpu.isInKernel ? 1 << 12 : 0 }

  private func leaf7(_ processor: CPUIDLeaf, _ subleaf: UInt32) -> CPUIDLeaf {
    var answer = processor
    switch subleaf {
    case 0:
      answer.eax = min(answer.eax, 2)
      answer.ebx &= Self.features7B
      // On Skylake's servers CLWB is slow since the microcode of August 2023.
      if signature >> 4 == 0x5065 { answer.ebx &= ~(1 << 24) }
      answer.ecx &= Self.features7C
      answer.edx &= Self.features7D
      if !isAMD { answer.edx |= 1 << 29 }
      return answer
    case 1: return (answer.eax & Self.features71A, 0, 0, 0)
    case 2: return (0, 0, 0, answer.edx & Self.features72D)
    default: return (0, 0, 0, 0)
    }
  }

  /// Of leaf 8000_0021, what Xen finds out of an AMD processor: LFENCE and null selectors; that IBPB takes back branches of every type;
  /// and where the microcode is new enough SBPB, and that VERW clears.
  ///
  /// Not modelled: a Zen 2 of one thread a core, which Xen takes for one that SRSO does not affect.
  private var branchFeatures: UInt32 {
    guard hasSerialisingLFENCE else { return 0 }
    return switch family {
    case 0x17: 1 << 2 | 1 << 6 | 1 << 28
    case 0x19: 1 << 5 | 1 << 27 | 1 << 28
    default: 0
    }
  }

  /// IA32_ARCH_CAPABILITIES: what the processor says of it, and what Xen knows of the part; nil on AMD's.
  var architectureCapabilities: UInt64? {
    guard !isAMD else { return nil }
    typealias Known = ArchitectureCapabilities
    var value = processor.modelSpecificRegister(0x10A) ?? 0
    // Who has no AVX2 has no gathering.
    value |= Known.gatherDataSamplingNo
    if value & Known.registerFileClear == 0 { value |= Known.registerFileDataSamplingNo }
    if !processor.profile.owed.contains(.alignedBranches) { value |= Known.indirectTargetSelectionNo }
    value &= Self.architectureFeatures
    // From Skylake on returns are predicted in another way where the return stack is empty. Of the parts here those have IBRS.
    if hasIntelsIBRS {
      value |= value & Known.enhancedIBRS != 0 ? Known.restrictedAlternatePredictor : Known.alternatePredictor
    }
    return value
  }

  /// XEN_CPUID_MAX_NUM_LEAVES is 5.
  private func hypervisorLeaf(_ leaf: UInt32, _ subleaf: UInt32) -> CPUIDLeaf {
    switch (leaf, subleaf) {
    // "XenVMMXenVMM".
    case (0x4000_0000, _): return (0x4000_0005, 0x566E_6558, 0x6558_4D4D, 0x4D4D_566E)
    case (0x4000_0001, _): return (Self.version.major << 16 | Self.version.minor, 0, 0, 0)
    // One hypercall page, by this MSR; XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD.
    case (0x4000_0002, _): return (1, 0x4000_0000, 1, 0)
    // The TSC is not emulated and is safe; there is RDTSCP; 1 GHz.
    case (0x4000_0003, 0): return (6, 0, 1_000_000, 1)
    case (0x4000_0003, 1): return (0, 0, 0x8000_0000, 1)
    case (0x4000_0003, 2): return (1_000_000, 0, 0, 0)
    case (0x4000_0005, 0):
      // The width of machine addresses.
      let width = UInt64.bitWidth - UInt64(domain.map.totalFrames - 1).leadingZeroBitCount + 12
      return (0, UInt32(width), 0, 0)
    default: return (0, 0, 0, 0)
    }
  }

  private static func bits(_ positions: UInt32...) -> UInt32 { positions.reduce(0) { $0 | 1 << $1 } }

  /// SSE3 PCLMULQDQ SSSE3 FMA CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE AVX F16C RDRAND
  private static let features1C = bits(0, 1, 9, 12, 13, 19, 20, 22, 23, 25, 26, 28, 29, 30)
  /// FPU DE TSC MSR PAE MCE CX8 APIC SEP MCA CMOV PAT CLFLUSH ACPI MMX FXSR SSE SSE2 SS HTT
  private static let features1D = bits(0, 2, 4, 5, 6, 7, 8, 9, 11, 14, 15, 16, 19, 22, 23, 24, 25, 26, 27, 28)
  /// FSGSBASE BMI1 AVX2 BMI2 ERMS RDSEED ADX CLFLUSHOPT CLWB SHA
  private static let features7B = bits(0, 3, 5, 8, 9, 18, 19, 23, 24, 29)
  /// RDPID
  private static let features7C = bits(22)
  /// FSRM MD_CLEAR SERIALIZE IBRSB STIBP ARCH_CAPS SSBD
  private static let features7D = bits(4, 10, 14, 26, 27, 29, 31)
  /// FZRM FSRS FSRCS
  private static let features71A = bits(10, 11, 12)
  /// INTEL_PSFD MCDT_NO
  private static let features72D = bits(0, 5)
  /// CLZERO RSTR_FP_ERR_PTRS IBPB SSB_NO BTC_NO IBPB_RET
  private static let extended8B = bits(0, 2, 12, 26, 29, 30)
  /// LFENCE+ VERW_CLEAR NSCB SBPB IBPB_BRTYPE SRSO_NO; not SRSO_US_NO, which speaks of privilege 3 and 0, and both of a guest's are 3.
  private static let extended21A = bits(2, 5, 6, 27, 28, 29)
  /// TSA_SQ_NO TSA_L1_NO
  private static let extended21C = bits(1, 2)
  /// LAHF_LM CMP_LEGACY ABM SSE4A MISALIGNSSE 3DNOWPREFETCH
  private static let extendedC = bits(0, 1, 5, 6, 7, 8)
  /// Those of leaf 1 that AMD repeats, SYSCALL NX MMXEXT FFXSR RDTSCP LM
  private static let extendedD =
    bits(0, 2, 4, 5, 6, 7, 8, 9, 14, 15, 16, 23, 24) | bits(11, 20, 22, 25, 27, 29)

  // SDM vol. 4, "IA32_ARCH_CAPABILITIES".
  /// RDCL_NO EIBRS SSB_NO MDS_NO IF_PSCHANGE_MC_NO TAA_NO SBDR_SSDP_NO FBSDP_NO PSDP_NO FB_CLEAR BHI_NO PBRSB_NO GDS_NO RFDS_NO RFDS_CLEAR
  /// ITS_NO
  private static let architectureFeatures: UInt64 = 0x4000_0000_1D12_E173
}
