/// Registers of the virtual CPU that the guest sets by call: stack_switch, set_segment_base, fpu_taskswitch, debug registers,
/// vm_assist.
///
/// Xen `xen/arch/x86/pv/misc-hypercalls.c`, `xen/arch/x86/mm.c` (`do_stack_switch` in 4.17 is in `pv/misc-hypercalls.c`),
/// `xen/common/kernel.c`, `do_vm_assist`.
import Machine

/// VMASST_TYPE_*: `public/xen.h`.
enum Assist: UInt64 {
  case segments4GB = 0
  case segments4GBNotify = 1
  case writablePageTables = 2
  case paeExtendedCR3 = 3
  case architecturalIOPL = 4
  case runstateUpdateFlag = 5
  case m2pStrict = 32
}

extension Domain {
  func hasAssist(_ assist: Assist) -> Bool { assists >> assist.rawValue & 1 != 0 }
}

extension XenPVComputer {
  /// The kernel's RSP for entries from user mode.
  func stackSwitch(_ call: HypercallArguments) throws(Errno) -> Int64 {
    if domain.ablations.contains(.stackSwitchIgnored) { return 0 }
    domain.vcpu.kernelSS = UInt16(truncatingIfNeeded: call.first) | 3
    domain.vcpu.kernelSP = call.second
    return 0
  }

  /// SEGBASE_FS, SEGBASE_GS_USER, SEGBASE_GS_KERNEL, SEGBASE_GS_USER_SEL.
  func setSegmentBase(_ call: HypercallArguments) throws(Errno) -> Int64 {
    let base = call.second
    switch call.first & 0xFFFF_FFFF {
    case 0:
      guard Self.isCanonical(base) else { throw .EINVAL }
      processor.setSegmentBase(.fs, base)
    case 1:
      guard Self.isCanonical(base) else { throw .EINVAL }
      domain.vcpu.inactiveGSBase = base
    case 2:
      guard Self.isCanonical(base) else { throw .EINVAL }
      processor.setSegmentBase(.gs, base)
    case 3:
      // The selector is loaded while the user's base is the active one; one that cannot be loaded becomes null.
      let kernelBase = processor.segmentBase(.gs)
      let selector = UInt16(truncatingIfNeeded: base)
      processor.setSegmentBase(.gs, domain.vcpu.inactiveGSBase)
      if !processor.loadDataSegment(.gs, selector) { _ = processor.loadDataSegment(.gs, 0) }
      domain.vcpu.inactiveGSBase = processor.segmentBase(.gs)
      processor.setSegmentBase(.gs, kernelBase)
    default: throw .EINVAL
    }
    return 0
  }

  /// Sets or clears the guest's CR0.TS.
  func fpuTaskswitch(_ call: HypercallArguments) throws(Errno) -> Int64 {
    processor.taskSwitched = call.first & 0xFFFF_FFFF != 0
    return 0
  }

  /// VMASST_CMD_enable and VMASST_CMD_disable.
  func vmAssist(_ call: HypercallArguments) throws(Errno) -> Int64 {
    let type = call.second & 0xFFFF_FFFF
    guard type < 64, let assist = Assist(rawValue: type), assist != .segments4GB, assist != .segments4GBNotify else {
      // The segment assists exist for 32-bit guests alone.
      throw .EINVAL
    }
    switch call.first & 0xFFFF_FFFF {
    case 0: domain.assists |= 1 << assist.rawValue
    case 1: domain.assists &= ~(1 << assist.rawValue)
    default: throw .ENOSYS
    }
    return 0
  }

  // MARK: Debug registers

  func setDebugreg(_ call: HypercallArguments) throws(Errno) -> Int64 {
    try setDebugRegister(Int(truncatingIfNeeded: call.first & 0xFFFF_FFFF), call.second)
    return 0
  }

  func getDebugreg(_ call: HypercallArguments) throws(Errno) -> Int64 {
    guard let value = debugRegister(call.first & 0xFFFF_FFFF) else { throw .EINVAL }
    return Int64(bitPattern: value)
  }

  /// The guest's DR0 to DR3, DR6 and DR7; DR4 and DR5 stand for these two unless CR4.DE is set.
  func debugRegister(_ index: UInt64) -> UInt64? {
    switch index {
    case 0...3: return processor.debugRegister(Int(index))
    case 4 where domain.vcpu.cr4 & CR4.debuggingExtensions == 0, 6: return domain.vcpu.dr6
    case 5 where domain.vcpu.cr4 & CR4.debuggingExtensions == 0, 7: return domain.vcpu.dr7
    default: return nil
    }
  }

  /// set_debugreg of `xen/arch/x86/traps.c`.
  func setDebugRegister(_ index: Int, _ value: UInt64) throws(Errno) {
    let hasAliases = domain.vcpu.cr4 & CR4.debuggingExtensions == 0
    switch index {
    case 0...3:
      guard Layout.isGuestAddress(value) else { throw .EPERM }
      processor.setDebugRegister(index, value)
    case 4 where hasAliases, 6:
      guard value >> 32 == 0 else { throw .EINVAL }
      // The reserved bits read as they do in hardware.
      domain.vcpu.dr6 = value & 0xE00F | 0xFFFF_0FF0
    case 5 where hasAliases, 7:
      guard value >> 32 == 0 else { throw .EINVAL }
      let wanted = value & 0xFFFF_03FF | 0x400
      // General detect is refused; an I/O breakpoint needs CR4.DE and is not watched for.
      if value & 1 << 13 != 0 { throw .EPERM }
      for slot in 0..<4 where wanted >> UInt64(slot * 2) & 3 != 0 {
        if wanted >> UInt64(16 + slot * 4) & 3 == 2 {
          guard !hasAliases else { throw .EPERM }
        }
      }
      domain.vcpu.dr7 = wanted
      processor.setDebugRegister(7, wanted & 0xFF != 0 ? wanted : 0x400)
    default: throw .EINVAL
    }
  }
}
