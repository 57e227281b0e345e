/// The iret hypercall: how a PV kernel returns, to its user or to itself.
///
/// Xen `xen/arch/x86/pv/iret.c`, `do_iret`; the frame is `struct iret_context` of `public/arch-x86/xen-x86_64.h`:
///
///     RAX, R11, RCX, flags, RIP, CS, RFLAGS, RSP, SS        from the lowest address
import Machine

extension XenPVComputer {
  /// VGCF_in_syscall: RCX and R11 may be lost, so SYSRET does.
  private static let inSyscall: UInt64 = 1 << 8

  /// Returns the guest's RAX.
  func doIret() -> UInt64 {
    var words: [UInt64] = []
    for index in 0..<UInt64(9) {
      let address = registers.rsp &+ index * 8
      guard Layout.isGuestAddress(address), let word = processor.loadGuest(address) else {
        crash("a fault while the iret frame was read at 0x\(String(registers.rsp, radix: 16))")
        return 0
      }
      words.append(word)
    }
    let flags = RFLAGS(rawValue: words[6])
    let (rip, before) = (processor.actsFor ?? registers.rip, guestStanding)
    if words[5] & 3 == 3 {
      guard domain.vcpu.guestTableUser != 0 else {
        crash("iret to user mode without user page tables")
        return 0
      }
      toggleGuestMode()
    }
    if domain.hasAssist(.architecturalIOPL) { domain.vcpu.iopl = words[6] & RFLAGS.ioPrivilegeLevel.rawValue }
    registers.rip = words[4]
    registers.cs = UInt16(truncatingIfNeeded: words[5]) | 3
    registers.rflags = flags.subtracting([.ioPrivilegeLevel, .virtual8086]).union(.interruptEnable)
    registers.rsp = words[7]
    registers.ss = UInt16(truncatingIfNeeded: words[8]) | 3
    processor.note(Transition(kind: .exit, rip: rip, before: before, after: guestStanding))
    if words[3] & Self.inSyscall == 0 {
      registers.leavesBySysret = false
      processor[.r11] = words[1]
      processor[.rcx] = words[2]
    }
    if !domain.ablations.contains(.iretKeepsMask) { upcallMask = flags.contains(.interruptEnable) ? 0 : 1 }
    cleanUpAsyncException()
    return words[0]
  }

  /// async_exception_cleanup: the mask that the innermost NMI or machine check replaced comes back, whatever the iret is for.
  private func cleanUpAsyncException() {
    let mask = domain.vcpu.asyncExceptionMask
    guard mask != 0, !domain.ablations.contains(.nmiMaskKept) else { return }
    if mask == AsyncMask.nmi || (mask != AsyncMask.machineCheck && mask ^ domain.vcpu.nmi.oldMask == AsyncMask.nmi) {
      domain.vcpu.asyncExceptionMask = domain.vcpu.nmi.oldMask
    } else {
      domain.vcpu.asyncExceptionMask = domain.vcpu.machineCheck.oldMask
    }
  }
}
