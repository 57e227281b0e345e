// Signals as rt_sigaction(2) and rt_sigreturn(2) describe them: a frame on the user's stack, and back from it.
//
//     what the handler finds, from its RSP up
//
//     restorer   ucontext (flags, link, stack, sigcontext, mask)   siginfo
//
// struct sigcontext has no floating-point state here: the kernel does not touch it.

enum Signal {
  private static let onStack: UInt = 0x0800_0000
  private static let noDefer: UInt = 0x4000_0000
  private static let contextSize: UInt = 304
  private static let infoSize: UInt = 128
  /// UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS.
  private static let contextFlags: UInt = 6
  /// What RT_SIGRETURN takes from a frame: CF PF AF ZF SF TF DF OF RF AC.
  private static let restoredFlags: UInt = 0x50DD5

  static func send(_ signal: UInt, to task: UnsafeMutablePointer<task>) {
    task.pointee.pending |= 1 << (signal - 1)
    task.pointee.work |= UInt(WORK_SIGNAL)
    Task.wake(task)
  }

  /// A trap of the current task's own.
  static func force(_ signal: UInt, trap: UInt, error: UInt, address: UInt) {
    let task = Task.current
    task.pointee.trap = trap
    task.pointee.error = error
    task.pointee.fault_address = address
    let bit: UInt = 1 << (signal - 1)
    // One that is blocked, or has no handler, ends the task.
    if task.pointee.blocked & bit != 0 { action_of(task, signal).pointee.handler = 0 }
    task.pointee.blocked &= ~bit
    send(signal, to: task)
  }

  /// Lets the first pending signal's handler be what user mode goes on with.
  static func deliver(_ registers: UnsafeMutablePointer<pt_regs>) {
    let task = Task.current
    let ready = task.pointee.pending & ~task.pointee.blocked
    guard ready != 0 else {
      task.pointee.work &= ~UInt(WORK_SIGNAL)
      return
    }
    let signal = UInt(ready.trailingZeroBitCount) + 1
    task.pointee.pending &= ~(1 << (signal - 1))
    let action = action_of(task, signal).pointee
    guard action.handler > 1 else {
      if action.handler == 0 { Task.exit(signal) }
      return
    }
    guard push(signal, action, registers) else { Task.exit(11) }
  }

  private static func push(_ signal: UInt, _ action: action, _ registers: UnsafeMutablePointer<pt_regs>) -> Bool {
    let task = Task.current
    var top = registers.pointee.rsp &- 128
    let base = task.pointee.signal_stack
    let isInside = top &- base < task.pointee.signal_stack_size
    if action.flags & onStack != 0, task.pointee.signal_stack_size != 0, !isInside {
      top = base &+ task.pointee.signal_stack_size
    }
    let context = (top &- contextSize &- infoSize) & ~15
    guard write(context, signal, action.restorer, registers) else { return false }
    if action.flags & noDefer == 0 { task.pointee.blocked |= 1 << (signal - 1) }
    task.pointee.blocked |= action.mask
    registers.pointee.rdi = signal
    registers.pointee.rsi = context &+ contextSize
    registers.pointee.rdx = context
    registers.pointee.rax = 0
    registers.pointee.rip = action.handler
    registers.pointee.rsp = context &- 8
    registers.pointee.cs = UInt(USER_CS)
    registers.pointee.ss = UInt(USER_DS)
    registers.pointee.rflags &= ~UInt(FLAGS_DF | FLAGS_RF | FLAGS_TF)
    return true
  }

  /// The whole frame at once; the return address lies below the context.
  private static func write(
    _ context: UInt, _ signal: UInt, _ restorer: UInt, _ registers: UnsafeMutablePointer<pt_regs>
  ) -> Bool {
    let task = Task.current
    let r = registers.pointee
    let frame: InlineArray<55, UInt> = [
      restorer,
      contextFlags, 0, task.pointee.signal_stack, task.pointee.signal_stack_flags, task.pointee.signal_stack_size,
      r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rdi, r.rsi, r.rbp, r.rbx, r.rdx, r.rax, r.rcx, r.rsp, r.rip,
      r.rflags, r.cs & 0xFFFF | r.ss << 48, task.pointee.error, task.pointee.trap, task.pointee.blocked, task.pointee.fault_address, 0,
      0, 0, 0, 0, 0, 0, 0, 0,
      task.pointee.blocked,
      signal, 0, task.pointee.fault_address, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]
    return withUnsafePointer(to: frame) { User.write(context &- 8, UInt(bitPattern: $0), 55 * 8) }
  }

  /// rt_sigreturn: the frame is at RSP. False when it cannot be read.
  static func goBack(_ registers: UnsafeMutablePointer<pt_regs>) -> Bool {
    var context = InlineArray<38, UInt>(repeating: 0)
    let size = contextSize
    let from = registers.pointee.rsp
    guard withUnsafeMutablePointer(to: &context, { User.read(UInt(bitPattern: $0), from, size) }) else { return false }
    Task.current.pointee.blocked = context[37]
    let r = registers
    r.pointee.r8 = context[5]
    r.pointee.r9 = context[6]
    r.pointee.r10 = context[7]
    r.pointee.r11 = context[8]
    r.pointee.r12 = context[9]
    r.pointee.r13 = context[10]
    r.pointee.r14 = context[11]
    r.pointee.r15 = context[12]
    r.pointee.rdi = context[13]
    r.pointee.rsi = context[14]
    r.pointee.rbp = context[15]
    r.pointee.rbx = context[16]
    r.pointee.rdx = context[17]
    r.pointee.rax = context[18]
    r.pointee.rcx = context[19]
    r.pointee.rsp = context[20]
    r.pointee.rip = context[21]
    r.pointee.rflags = r.pointee.rflags & ~restoredFlags | context[22] & restoredFlags
    r.pointee.cs = context[23] & 0xFFFF | 3
    r.pointee.ss = context[23] >> 48 | 3
    return true
  }
}
