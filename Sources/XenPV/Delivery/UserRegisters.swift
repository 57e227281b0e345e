/// The guest's registers as the hypervisor's entry code saves and its exit code restores them.
///
/// Xen `xen/arch/x86/x86_64/entry.S`, `restore_all_guest`, `iret_exit_to_guest`; `struct cpu_user_regs`. The general registers
/// stay in the processor.
import Machine

struct UserRegisters {
  var rip: UInt64 = 0
  var cs: UInt16 = 0
  var rflags: RFLAGS = []
  var rsp: UInt64 = 0
  var ss: UInt16 = 0
  /// TRAP_syscall in entry_vector: the way out is SYSRET, which replaces RCX and R11.
  var leavesBySysret = false
}

extension XenPVComputer {
  /// What the processor pushes, or SYSCALL's entry code in its place, when the hypervisor is entered.
  func saveRegisters() {
    registers = UserRegisters(
      rip: processor.rip, cs: processor.selectors[SegmentName.cs.rawValue], rflags: processor.rflags,
      rsp: processor[.rsp], ss: processor.selectors[SegmentName.ss.rawValue])
  }

  /// restore_all_guest. A fault of IRET is the guest's own, at the place that it was to return to.
  func restoreGuest() {
    while domain.shutdown == nil {
      processor[.rsp] = registers.rsp
      registers.rflags.formUnion(.interruptEnable)
      registers.rflags.subtract([.ioPrivilegeLevel, .virtual8086])
      let isCanonical = UInt64(bitPattern: Int64(bitPattern: registers.rip << 16) >> 16) == registers.rip
      if registers.leavesBySysret && isCanonical {
        processor[.rcx] = registers.rip
        processor[.r11] = registers.rflags.rawValue
        processor.enterFlat(
          code: registers.cs == FlatSelector.code32 ? FlatSelector.code32 : FlatSelector.code64,
          stack: FlatSelector.data, is64Bit: registers.cs != FlatSelector.code32)
        processor.rip = registers.cs == FlatSelector.code32 ? registers.rip & 0xFFFF_FFFF : registers.rip
        processor.rflags = RFLAGS(rawValue: registers.rflags.rawValue & 0x3C_7FD7 | 2)
        if registers.rflags.contains(.trap) { processor.trapAtOnce() }
        return
      }
      if registers.leavesBySysret {
        processor[.rcx] = registers.rip
        processor[.r11] = registers.rflags.rawValue
      }
      let fault = processor.returnToGuest(
        InterruptReturnFrame(
          rip: registers.rip, cs: registers.cs, rflags: registers.rflags, rsp: registers.rsp, ss: registers.ss))
      guard let fault else { return }
      registers.leavesBySysret = false
      handleException(fault.vector, errorCode: fault.errorCode)
      deliverPending()
    }
  }
}
