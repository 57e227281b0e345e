/// What CPUID says to a PV domain: of the processor's features those that work in one, and the hypervisor's own leaves.
///
/// Xen `xen/arch/x86/cpuid.c`, `guest_cpuid`; `xen/arch/x86/cpu-policy.c`; `xen/include/public/arch-x86/cpufeatureset.h`, where
/// features for PV guests have the letter A; `xen/arch/x86/traps.c`, `cpuid_hypervisor_leaves`;
/// `xen/include/public/arch-x86/cpuid.h`.
/// Not modelled: IA32_ARCH_CAPABILITIES where the processor has none. Xen offers it to domain 0 on every part of Intel's, with ITS_NO where
/// Indirect Target Selection does not affect the part, so that a kernel there puts no aligned thunks in place of its returns.
import Machine

extension XenPVComputer {
  typealias CPUIDLeaf = (eax: UInt32, ebx: UInt32, ecx: UInt32, edx: UInt32)

  func paravirtualCPUID(leaf: UInt32, subleaf: UInt32) -> CPUIDLeaf {
    if leaf >= 0x4000_0000 && leaf < 0x4000_0200 { return hypervisorLeaf(leaf, subleaf) }
    let isBasic = leaf < 0x8000_0000
    let last = processor.cpuid(leaf: isBasic ? 0 : 0x8000_0000, subleaf: 0).eax
    guard leaf <= last else { return (0, 0, 0, 0) }
    var answer = processor.cpuid(leaf: leaf, subleaf: subleaf)
    switch leaf {
    case 1:
      // No APIC number; features that need privilege 0 or the other kinds of guest are hidden.
      answer.ebx &= 0x00FF_FFFF
      answer.ecx = answer.ecx & Self.features1C | 1 << 31
      answer.edx &= Self.features1D
      // The kernel of domain 0 sees MTRRs, by which old ones know that there are calls for them.
      if domain.isPrivileged && domain.vcpu.isInKernel {
        answer.edx |= processor.cpuid(leaf: 1, subleaf: 0).edx & 1 << 12
      }
    case 7 where subleaf == 0:
      answer.eax = min(answer.eax, 2)
      answer.ebx &= Self.features7B
      answer.ecx &= Self.features7C
      answer.edx &= Self.features7D
      // IA32_ARCH_CAPABILITIES is for the hardware domain alone.
      if !domain.isPrivileged { answer.edx &= ~(1 << 29) }
    case 7:
      answer.eax &= Self.features71A
      answer.edx = 0
    case 0x8000_0001:
      answer.ecx &= Self.extendedC
      answer.edx &= Self.extendedD
    case 0x8000_0007:
      // An invariant TSC would keep a domU from moving to another machine.
      if !domain.isPrivileged { answer.edx &= ~(1 << 8) }
    case 0x8000_0008: answer.ebx &= Self.extended8B
    case 0x8000_0021: answer.eax &= Self.extended21A
    case 2...6, 8...0xD, 0x1A, 0x1F, 0x8000_001E: return (0, 0, 0, 0)
    default: break
    }
    return answer
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
  /// FSGSBASE BMI1 AVX2 BMI2 ERMS RDSEED ADX SHA
  private static let features7B = bits(0, 3, 5, 8, 9, 18, 19, 29)
  /// RDPID
  private static let features7C = bits(22)
  /// FSRM MD_CLEAR SERIALIZE IBRSB STIBP ARCH_CAPS SSBD
  private static let features7D = bits(4, 10, 14, 26, 27, 29, 31)
  /// FZRM FSRS FSRCS
  private static let features71A = bits(10, 11, 12)
  /// CLZERO IBPB
  private static let extended8B = bits(0, 12)
  /// LFENCE+ NSCB SBPB IBPB_BRTYPE SRSO_NO
  private static let extended21A = bits(2, 6, 27, 28, 29)
  /// LAHF_LM CMP_LEGACY ABM SSE4A MISALIGNSSE 3DNOWPREFETCH
  private static let extendedC = bits(0, 1, 5, 6, 7, 8)
  /// Those of leaf 1 that AMD repeats, SYSCALL NX MMXEXT FFXSR RDTSCP LM
  private static let extendedD =
    bits(0, 2, 4, 5, 6, 7, 8, 9, 14, 15, 16, 23, 24) | bits(11, 20, 22, 25, 27, 29)
}
