// What the thresholds call for traps, interrupts and the work before user mode. Interrupts are off at each entry.

/// A trap or a fault. From user mode it becomes a signal; from the kernel it is the kernel's end, but for what can be survived.
@_cdecl("do_trap")
func doTrap(_ registers: UnsafeMutablePointer<pt_regs>, _ vector: UInt) {
  let isUsers = registers.pointee.cs & 3 != 0
  switch vector {
  case 1: return Trap.debug(registers, isUsers)
  case 18: return Trap.machineCheck()
  default: break
  }
  let address = vector == 14 ? Trap.faultAddress : 0
  guard isUsers else { panic("trap in the kernel, vector and RIP", vector << 56 ^ registers.pointee.rip) }
  local_irq_enable()
  Signal.force(Trap.signal(vector), trap: vector, error: registers.pointee.orig_rax & 0xFFFF_FFFF, address: address)
}

/// An NMI has nothing to do here. It must not fault, nor let interrupts in.
@_cdecl("do_nmi")
func doNMI(_ registers: UnsafeMutablePointer<pt_regs>) {}

@_cdecl("do_interrupt")
func doInterrupt(_ registers: UnsafeMutablePointer<pt_regs>) { BareMetal.interrupt(registers.pointee.orig_rax) }

@_cdecl("do_upcall")
func doUpcall(_ registers: UnsafeMutablePointer<pt_regs>) { XenGuest.upcall() }

/// Does what TASK_work names until nothing is left, with interrupts on meanwhile and off at the end.
@_cdecl("exit_work")
func exitWork(_ registers: UnsafeMutablePointer<pt_regs>) {
  while true {
    let work = Task.current.pointee.work
    guard work & UInt(WORK_SIGNAL | WORK_RESCHEDULE | WORK_SINGLE_STEP) != 0 else { return }
    if work & UInt(WORK_RESCHEDULE) != 0 { Task.schedule() }
    local_irq_enable()
    // What SYSENTER left of the user's TF.
    if work & UInt(WORK_SINGLE_STEP) != 0 {
      Task.current.pointee.work &= ~UInt(WORK_SINGLE_STEP)
      registers.pointee.rflags |= UInt(FLAGS_TF)
    }
    if work & UInt(WORK_SIGNAL) != 0 { Signal.deliver(registers) }
    local_irq_disable()
  }
}

/// IRET refused a frame of the user's: it becomes the frame of the exception, at the top of the stack. Returns that.
@_cdecl("move_bad_iret")
func moveBadIret(_ registers: UnsafeMutablePointer<pt_regs>) -> UnsafeMutablePointer<pt_regs> {
  let top = Task.registers(Task.current)
  let frame = registers.pointee.rsp
  var moved = registers.pointee
  moved.rip = load(frame)
  moved.cs = load(frame + 8)
  moved.rflags = load(frame + 16)
  moved.rsp = load(frame + 24)
  moved.ss = load(frame + 32)
  top.pointee = moved
  return top
}

enum Trap {
  /// SDM vol. 3A, "Exception and Interrupt Reference"; signal(7).
  static func signal(_ vector: UInt) -> UInt {
    switch vector {
    case 0, 16, 19: 8
    case 3: 5
    case 6: 4
    case 11, 12, 17: 7
    default: 11
    }
  }

  /// CR2, which Xen keeps in vcpu_info.
  static var faultAddress: UInt {
    kernel.on_xen != 0 ? load(percpu_address() + UInt(PCPU_vcpu_info) + 16) : read_cr2()
  }

  /// DR6 is the kernel's to clear: SDM vol. 3B, "Debug Status Register (DR6)".
  static func debug(_ registers: UnsafeMutablePointer<pt_regs>, _ isUsers: Bool) {
    let status: UInt
    if kernel.on_xen != 0 {
      status = UInt(bitPattern: Hypercall.getDebugRegister(6))
      Hypercall.setDebugRegister(6, 0)
    } else {
      status = read_dr6()
      write_dr6(0)
    }
    guard !isUsers else {
      local_irq_enable()
      Signal.force(5, trap: 1, error: 0, address: 0)
      return
    }
    // An instruction breakpoint goes on behind itself: SDM vol. 3B, "Instruction-Breakpoint Exception Condition".
    if status & 0xF != 0 { registers.pointee.rflags |= UInt(FLAGS_RF) }
    // The user's TF came in with SYSENTER, which clears neither it nor anything that would stop it. It traps once more
    // when user mode goes on.
    if status & 1 << 14 != 0 {
      registers.pointee.rflags &= ~UInt(FLAGS_TF)
      Task.current.pointee.work |= UInt(WORK_SINGLE_STEP)
    }
  }

  /// What the banks say is cleared, and so is MCG_STATUS: SDM vol. 3B, "Machine-Check Architecture".
  static func machineCheck() {
    let banks = read_msr(0x179) & 0xFF
    for bank in 0..<banks { write_msr(UInt32(0x401 + bank * 4), 0) }
    write_msr(0x17A, 0)
  }
}
