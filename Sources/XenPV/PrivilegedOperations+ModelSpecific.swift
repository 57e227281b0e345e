/// RDMSR and WRMSR of a PV guest's kernel.
///
/// Xen `xen/arch/x86/msr.c`, `guest_rdmsr`, `guest_wrmsr`; `xen/arch/x86/pv/emul-priv-op.c`, `read_msr`, `write_msr`;
/// `xen/arch/x86/cpu/mcheck/vmce.c`.
import Machine

/// The virtual machine-check banks' registers that the guest can change.
struct VirtualMachineCheck: Sendable, Codable, Hashable {
  var globalStatus: UInt64 = 0
  /// MCi_STATUS of the two banks: filled with a machine check that is injected, cleared by the guest.
  var status: [UInt64] = [0, 0]
  /// MCi_CTL2 of the two banks.
  var control2: [UInt64] = [0, 0]
}

extension XenPVComputer {
  private var isIntel: Bool { processor.profile.vendor == .intel }

  /// Nil is #GP.
  func readMSR(_ index: UInt32) -> UInt64? {
    if let value = guestReadMSR(index) { return value }
    // Before the guest can take a #GP, what the processor has reads as zero.
    if domain.vcpu.traps[13].address == 0, index >> 16 != 0x4000, processor.modelSpecificRegister(index) != nil {
      return 0
    }
    return nil
  }

  private func guestReadMSR(_ index: UInt32) -> UInt64? {
    switch index {
    // Addresses and types of the Pentium's machine check.
    case 0, 1: return 0
    // PLATFORM_ID, and FEATURE_CONTROL with its lock bit alone.
    case 0x17: return isIntel ? processor.modelSpecificRegister(index) : nil
    case 0x1B: return 0xFEE0_0900
    case 0x3A: return isIntel ? 1 : nil
    case 0x8B: return processor.modelSpecificRegister(index)
    // SPEC_CTRL where the guest has IBRSB, which Intel's processors alone show it; ARCH_CAPABILITIES.
    case 0x48: return isIntel ? processor.modelSpecificRegister(index) : nil
    case 0x10A: return architectureCapabilities
    // PLATFORM_INFO and MISC_FEATURES_ENABLES: no CPUID faulting.
    case 0xCE, 0x140: return 0
    // The counters of the performance monitor, which is not virtualised.
    case 0xC1...0xC8, 0x186...0x189, 0x309...0x30B, 0x38D...0x390: return isIntel ? 0 : nil
    case 0xC001_0000...0xC001_0007, 0xC001_0200...0xC001_020B: return isIntel ? nil : 0
    // MCG_CAP: two banks; on Intel with threshold-based status, CMCI and software error recovery.
    case 0x179: return isIntel ? 1 << 24 | 1 << 11 | 1 << 10 | 2 : 2
    case 0x17A: return domain.vcpu.machineCheckBanks.globalStatus
    case 0x17B: return 0
    case 0x280...0x29F:
      let bank = Int(index - 0x280)
      return isIntel && bank < 2 ? domain.vcpu.machineCheckBanks.control2[bank] : 0
    case 0x401, 0x405: return domain.vcpu.machineCheckBanks.status[Int(index - 0x401) / 4]
    case 0x400...0x47F: return index & 3 == 0 && index < 0x408 ? ~0 : 0
    case 0x198, 0x199, 0x19C: return isIntel ? 0 : nil
    case 0x1A0:
      // MISC_ENABLE without monitoring: BTS and PEBS are absent, xTPR is off.
      return processor.modelSpecificRegister(index).map(Self.guestMiscellaneousEnable)
    case 0x277: return 0x0501_0007_0406
    case 0x345: return 0
    case 0x10: return now
    case 0x4000_0000: return 0
    case 0xC000_0080: return processor.state.msr.efer
    case 0xC000_0100: return processor.segmentBase(.fs)
    case 0xC000_0101: return processor.segmentBase(.gs)
    case 0xC000_0102: return domain.vcpu.inactiveGSBase
    case 0xC000_0103: return processor.timeStampAuxiliary
    // HWCR and the P-states of AMD's, and its northbridge.
    case 0xC001_0015, 0xC001_0041, 0xC001_0042, 0xC001_0061...0xC001_006B: return isIntel ? nil : 0
    case 0xC001_001F: return 0
    case 0xC001_1029: return isIntel ? nil : 1 << 1
    default: return nil
    }
  }

  private static func guestMiscellaneousEnable(_ value: UInt64) -> UInt64 {
    value & ~(1 << 7 | 1 << 18) | 1 << 11 | 1 << 12 | 1 << 23
  }

  /// False is #GP.
  func writeMSR(_ index: UInt32, _ value: UInt64) -> Bool {
    switch index {
    case 0x8B: return isIntel && value == 0
    // SPEC_CTRL, and PRED_CMD, which is no register that can be read.
    case 0x48: return isIntel && processor.writeModelSpecific(index, value)
    case 0x49: return processor.writeModelSpecific(index, value)
    case 0x140: return value == 0
    case 0xC1...0xC8, 0x186...0x189, 0x309...0x30B, 0x38D...0x390: return isIntel
    case 0xC001_0000...0xC001_0007, 0xC001_0200...0xC001_020B: return !isIntel
    case 0x179, 0x17B: return true
    case 0x17A: domain.vcpu.machineCheckBanks.globalStatus = value
    case 0x280...0x29F:
      if isIntel && index < 0x282 { domain.vcpu.machineCheckBanks.control2[Int(index - 0x280)] = value }
    // Control registers keep their bits; the others can only be cleared.
    case 0x401, 0x405:
      guard value == 0 else { return false }
      domain.vcpu.machineCheckBanks.status[Int(index - 0x401) / 4] = 0
    case 0x400...0x47F: return index >= 0x408 || index & 3 == 0 || value == 0
    case 0x199, 0x19A, 0x1B0: return isIntel
    // MPERF and APERF.
    case 0xE7, 0xE8: return true
    // A change is noted in the hypervisor's log and dropped.
    case 0x1A0: return processor.modelSpecificRegister(index) != nil
    case 0x4000_0000: return writeHypercallPage(value)
    case 0xC000_0080: return value == processor.state.msr.efer
    case 0xC000_0100, 0xC000_0101, 0xC000_0102:
      guard Self.isCanonical(value) else { return false }
      switch index {
      case 0xC000_0100: processor.setSegmentBase(.fs, value)
      case 0xC000_0101: processor.setSegmentBase(.gs, value)
      default: domain.vcpu.inactiveGSBase = value
      }
    case 0xC000_0103:
      guard value >> 32 == 0 else { return false }
      processor.timeStampAuxiliary = value
    case 0xC001_0015, 0xC001_0041, 0xC001_0042, 0xC001_0061...0xC001_006B, 0xC001_1029: return !isIntel
    case 0xC001_001F: return true
    default: return false
    }
    return true
  }
}
