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
      let raw = UInt16(truncatingIfNeeded: base)
      let selector = raw > 3 ? raw | 3 : raw
      processor.setSegmentBase(.gs, domain.vcpu.inactiveGSBase)
      // A fault of the load would map the page of the LDT.
      if selector & 4 != 0, ldtFrame(Int(selector >> 12)) == nil { _ = mapLDTPage(UInt64(selector & ~7)) }
      if selector <= 3 || !processor.loadDataSegment(.gs, selector) {
        // Where a null selector keeps the base, as on AMD's processors, a flat one goes before it.
        _ = processor.loadDataSegment(.gs, FlatSelector.data)
        _ = processor.loadDataSegment(.gs, selector <= 3 ? selector : 0)
      }
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
    guard let assist = Assist(rawValue: type) else { throw .EINVAL }
    switch call.first & 0xFFFF_FFFF {
    case 0: domain.assists |= 1 << assist.rawValue
    case 1: domain.assists &= ~(1 << assist.rawValue)
    default: throw .ENOSYS
    }
    return 0
  }

  // MARK: Debug registers

  func setDebugreg(_ call: HypercallArguments) throws(Errno) -> Int64 {
    try setDebugRegister(call.first & 0xFFFF_FFFF, call.second)
    return 0
  }

  func getDebugreg(_ call: HypercallArguments) throws(Errno) -> Int64 {
    guard let value = debugRegister(call.first & 0xFFFF_FFFF) else { throw .ENODEV }
    return Int64(bitPattern: value)
  }

  /// The guest's DR0 to DR3, DR6 and DR7; DR4 and DR5 stand for these two unless CR4.DE is set. Nil for any other.
  func debugRegister(_ index: UInt64) -> UInt64? {
    switch aliased(index) {
    case 0...3: processor.debugRegister(Int(index))
    case 6: domain.vcpu.dr6
    case 7: domain.vcpu.dr7 | domain.vcpu.dr7Emulated
    default: nil
    }
  }

  private func aliased(_ index: UInt64) -> UInt64 {
    (index == 4 || index == 5) && domain.vcpu.cr4 & CR4.debuggingExtensions == 0 ? index + 2 : index
  }

  /// set_debugreg.
  func setDebugRegister(_ index: UInt64, _ value: UInt64) throws(Errno) {
    switch aliased(index) {
    case 0...3:
      guard Self.isCanonical(value), Layout.isGuestAddress(value) else { throw .EPERM }
      processor.setDebugRegister(Int(index), value)
    // Reserved bits read as they do in hardware.
    case 6:
      guard value >> 32 == 0 else { throw .EINVAL }
      domain.vcpu.dr6 = value & 0xE00F | 0xFFFF_0FF0
    case 7:
      guard value >> 32 == 0 else { throw .EINVAL }
      try setDR7(value & 0xFFFF_27FF | 0x400)
    default: throw .ENODEV
    }
  }

  /// General detect is refused. Breakpoints on ports need CR4.DE, and the hardware never sees them.
  private func setDR7(_ value: UInt64) throws(Errno) {
    guard value & DR7.generalDetect == 0 else { throw .EPERM }
    var watched = value
    if value & 0xFF != 0 {
      for slot in 0..<4 where value >> UInt64(16 + slot * 4) & 3 == 2 {
        guard domain.vcpu.cr4 & CR4.debuggingExtensions != 0 else { throw .EPERM }
        watched &= ~(3 << UInt64(slot * 2))
      }
    }
    domain.vcpu.dr7Emulated = value & ~watched
    domain.vcpu.dr7 = watched
    processor.setDebugRegister(7, watched)
  }
}
