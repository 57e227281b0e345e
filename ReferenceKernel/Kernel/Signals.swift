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

  /// struct sigcontext begins 40 bytes into struct ucontext; its mask stands behind it.
  private static let machine: UInt = 40
  private static let mask: UInt = machine + 256

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
    let info = (top &- infoSize) & ~15
    let context = (info &- contextSize) & ~15
    guard write(context, registers), writeInfo(info, signal),
      put(context &- 8, action.restorer)
    else { return false }
    if action.flags & noDefer == 0 { task.pointee.blocked |= 1 << (signal - 1) }
    task.pointee.blocked |= action.mask
    registers.pointee.rdi = signal
    registers.pointee.rsi = info
    registers.pointee.rdx = context
    registers.pointee.rax = 0
    registers.pointee.rip = action.handler
    registers.pointee.rsp = context &- 8
    registers.pointee.cs = UInt(USER_CS)
    registers.pointee.ss = UInt(USER_DS)
    registers.pointee.rflags &= ~UInt(FLAGS_DF | FLAGS_RF | FLAGS_TF)
    return true
  }

  private static func put(_ address: UInt, _ value: UInt) -> Bool {
    var copy = value
    return withUnsafePointer(to: &copy) { User.write(address, UInt(bitPattern: $0), 8) }
  }

  private static func get(_ address: UInt) -> UInt? {
    var value: UInt = 0
    return withUnsafeMutablePointer(to: &value) { User.read(UInt(bitPattern: $0), address, 8) } ? value : nil
  }

  private static func writeInfo(_ address: UInt, _ signal: UInt) -> Bool {
    for word in UInt(0)..<16 {
      let value: UInt = word == 0 ? signal : word == 2 ? Task.current.pointee.fault_address : 0
      guard put(address &+ word * 8, value) else { return false }
    }
    return true
  }

  private static func write(_ context: UInt, _ registers: UnsafeMutablePointer<pt_regs>) -> Bool {
    let task = Task.current
    let r = registers.pointee
    let head: InlineArray<5, UInt> = [
      contextFlags, 0, task.pointee.signal_stack, task.pointee.signal_stack_flags, task.pointee.signal_stack_size,
    ]
    for index in head.indices where !put(context &+ UInt(index) * 8, head[index]) { return false }
    let words: InlineArray<32, UInt> = [
      r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rdi, r.rsi, r.rbp, r.rbx, r.rdx, r.rax, r.rcx, r.rsp, r.rip,
      r.rflags, r.cs & 0xFFFF | r.ss << 48, task.pointee.error, task.pointee.trap, task.pointee.blocked,
      task.pointee.fault_address, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]
    for index in words.indices where !put(context &+ machine &+ UInt(index) * 8, words[index]) { return false }
    return put(context &+ mask, task.pointee.blocked)
  }

  /// rt_sigreturn: the frame is at RSP. False when it cannot be read.
  static func goBack(_ registers: UnsafeMutablePointer<pt_regs>) -> Bool {
    let from = registers.pointee.rsp &+ machine
    var words = InlineArray<19, UInt>(repeating: 0)
    for index in words.indices {
      guard let value = get(from &+ UInt(index) * 8) else { return false }
      words[index] = value
    }
    guard let blocked = get(registers.pointee.rsp &+ mask) else { return false }
    Task.current.pointee.blocked = blocked
    let r = registers
    r.pointee.r8 = words[0]
    r.pointee.r9 = words[1]
    r.pointee.r10 = words[2]
    r.pointee.r11 = words[3]
    r.pointee.r12 = words[4]
    r.pointee.r13 = words[5]
    r.pointee.r14 = words[6]
    r.pointee.r15 = words[7]
    r.pointee.rdi = words[8]
    r.pointee.rsi = words[9]
    r.pointee.rbp = words[10]
    r.pointee.rbx = words[11]
    r.pointee.rdx = words[12]
    r.pointee.rax = words[13]
    r.pointee.rcx = words[14]
    r.pointee.rsp = words[15]
    r.pointee.rip = words[16]
    r.pointee.rflags = r.pointee.rflags & ~restoredFlags | words[17] & restoredFlags
    r.pointee.cs = words[18] & 0xFFFF | 3
    r.pointee.ss = words[18] >> 48 | 3
    return true
  }
}
