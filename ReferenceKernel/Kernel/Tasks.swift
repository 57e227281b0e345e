// Tasks: one runs until it waits; then the next that can. A tick may end its turn. Each has a kernel stack of two pages, above a guard page.

enum Task {
  // States.
  private static let free: UInt = 0
  private static let runnable: UInt = 1
  private static let waiting: UInt = 2
  private static let zombie: UInt = 3

  /// With its guard page.
  private static let stackSize: UInt = 3 * 4096

  static var current: UnsafeMutablePointer<task> {
    UnsafeMutablePointer(bitPattern: load(percpu_address() + UInt(PCPU_task)))!
  }

  private static func create() -> UnsafeMutablePointer<task>? {
    for index in UInt(0)..<UInt(TASKS) where task_at(index).pointee.state == free {
      let new = task_at(index)!
      clear(UInt(bitPattern: new), UInt(MemoryLayout<task>.size))
      kernel.last_id += 1
      new.pointee.id = kernel.last_id
      // Above it may be room for what a frame has beyond SS.
      new.pointee.top_of_stack = kernel_stacks_address() + (index + 1) * stackSize - frame_padding_address()
      return new
    }
    return nil
  }

  /// Where the user's registers are, whenever a task is in the kernel.
  static func registers(_ task: UnsafeMutablePointer<task>) -> UnsafeMutablePointer<pt_regs> {
    UnsafeMutablePointer(bitPattern: task.pointee.top_of_stack - UInt(PT_SIZE))!
  }

  /// Lets a task's stack hold nothing but its registers, as if it had been switched away from at return_from_fork.
  private static func prepareStack(_ task: UnsafeMutablePointer<task>) {
    let place = task.pointee.top_of_stack - UInt(PT_SIZE) - 8
    store(place, return_from_fork_address())
    task.pointee.rsp = place - 6 * 8
    clear(task.pointee.rsp, 6 * 8)
  }

  // MARK: The first

  static func startFirst(_ program: UInt) -> Never {
    guard let first = create() else { panic("no task") }
    AddressSpace.create(first)
    let entry = Program.place(program, into: first)
    AddressSpace.finish(first)
    save_fpu(fpu_of(first))
    registers(first).pointee.rip = entry
    registers(first).pointee.cs = UInt(USER_CS)
    registers(first).pointee.rflags = UInt(FLAGS_IF) | 2
    registers(first).pointee.rsp = Program.stackPointer
    registers(first).pointee.ss = UInt(USER_DS)
    prepareStack(first)
    first.pointee.state = runnable
    // The stack that the start ran on is left for good; the last slot only takes its RSP.
    enter(first)
    switch_stacks(task_at(UInt(TASKS) - 1), first)
    panic("the first task came back")
  }

  // MARK: Switching

  /// Everything that belongs to a task, except the stack.
  private static func enter(_ next: UnsafeMutablePointer<task>) {
    store(percpu_address() + UInt(PCPU_task), UInt(bitPattern: next))
    store(percpu_address() + UInt(PCPU_top_of_stack), next.pointee.top_of_stack)
    AddressSpace.use(next)
    if kernel.on_xen != 0 {
      Hypercall.stackSwitch(0x18, next.pointee.top_of_stack)
    } else {
      store(tss_address() + 4, next.pointee.top_of_stack)
    }
    Segments.setBases(next)
    Segments.setLDT(next)
    restore_fpu(fpu_of(next))
  }

  /// Runs another task if one can run; waits while none can. Interrupts are off before and after.
  static func schedule() {
    let from = current
    var next = from
    while true {
      var index = (UInt(bitPattern: from) - UInt(bitPattern: task_at(0))) / UInt(MemoryLayout<task>.stride)
      for _ in 0..<TASKS {
        index = (index + 1) % UInt(TASKS)
        if task_at(index).pointee.state == runnable {
          next = task_at(index)
          break
        }
      }
      if next.pointee.state == runnable { break }
      wait_for_interrupt()
    }
    from.pointee.work &= ~UInt(WORK_RESCHEDULE)
    if next == from { return }
    save_fpu(fpu_of(from))
    Segments.keepBases(from)
    enter(next)
    switch_stacks(from, next)
  }

  // MARK: System calls

  static func fork() -> UInt {
    let parent = current
    guard let child = create() else { return failure(11) }
    AddressSpace.copy(parent, to: child)
    child.pointee.parent = parent.pointee.id
    for signal in UInt(1)...32 { action_of(child, signal).pointee = action_of(parent, signal).pointee }
    child.pointee.blocked = parent.pointee.blocked
    child.pointee.signal_stack = parent.pointee.signal_stack
    child.pointee.signal_stack_flags = parent.pointee.signal_stack_flags
    child.pointee.signal_stack_size = parent.pointee.signal_stack_size
    Segments.keepBases(parent)
    child.pointee.fs_base = parent.pointee.fs_base
    child.pointee.gs_base = parent.pointee.gs_base
    for entry in UInt(0)..<UInt(LDT_ENTRIES) { ldt_of(child)[Int(entry)] = ldt_of(parent)[Int(entry)] }
    save_fpu(fpu_of(child))
    registers(child).pointee = registers(parent).pointee
    registers(child).pointee.rax = 0
    prepareStack(child)
    child.pointee.state = runnable
    return child.pointee.id
  }

  /// Ends the current task. `status` is as wait4 reports it.
  static func exit(_ status: UInt) -> Never {
    local_irq_disable()
    let task = current
    task.pointee.status = status
    task.pointee.alarm = 0
    if task.pointee.id == 1 { panic("init ended", status) }
    task.pointee.state = zombie
    if let parent = find(task.pointee.parent), parent.pointee.state == waiting { parent.pointee.state = runnable }
    schedule()
    panic("a task outlived its end")
  }

  private static func find(_ id: UInt) -> UnsafeMutablePointer<task>? {
    for index in UInt(0)..<UInt(TASKS) {
      let task = task_at(index)!
      if task.pointee.state != free && task.pointee.id == id { return task }
    }
    return nil
  }

  /// Waits for the end of a child; its whole state goes with it.
  static func wait(_ id: UInt, _ status: UInt) -> UInt {
    guard let child = find(id), child.pointee.parent == current.pointee.id else { return failure(10) }
    while child.pointee.state != zombie { sleep() }
    AddressSpace.destroy(child)
    child.pointee.state = free
    var value = UInt32(truncatingIfNeeded: child.pointee.status)
    guard status == 0 || withUnsafePointer(to: &value, { User.write(status, UInt(bitPattern: $0), 4) }) else {
      return failure(14)
    }
    return id
  }

  /// Waits until something makes the task runnable again.
  static func sleep() {
    local_irq_disable()
    current.pointee.state = waiting
    schedule()
    current.pointee.state = runnable
    local_irq_enable()
  }

  static func wake(_ task: UnsafeMutablePointer<task>) {
    if task.pointee.state == waiting { task.pointee.state = runnable }
  }

  static func isAlive(_ task: UnsafeMutablePointer<task>) -> Bool {
    task.pointee.state == runnable || task.pointee.state == waiting
  }
}

enum Clock {
  /// The time in the platform's own units: the TSC's, or Xen's nanoseconds.
  static var now: UInt { kernel.on_xen != 0 ? XenGuest.now : read_tsc() }

  /// Measures the units in a microsecond. On bare metal the 8254 says how long a tick is.
  static func start() {
    kernel.clock_rate = 1000
    guard kernel.on_xen == 0 else { return }
    wait_for_interrupt()
    let begin = read_tsc()
    wait_for_interrupt()
    kernel.clock_rate = max(1, (read_tsc() &- begin) * BareMetal.ticksPerSecond / 1_000_000)
  }

  static func units(microseconds: UInt) -> UInt { microseconds &* kernel.clock_rate }

  /// A hundred times a second: alarms whose time has come, and the end of a turn. A tick too many changes nothing.
  static func tick() {
    for index in UInt(0)..<UInt(TASKS) {
      let task = task_at(index)!
      guard Task.isAlive(task) else { continue }
      if task != Task.current { Task.current.pointee.work |= UInt(WORK_RESCHEDULE) }
      guard task.pointee.alarm != 0, now >= task.pointee.alarm else { continue }
      task.pointee.alarm = task.pointee.alarm_interval == 0 ? 0 : now + task.pointee.alarm_interval
      Signal.send(14, to: task)
    }
  }
}

enum Segments {
  /// User mode changes its bases itself (CR4.FSGSBASE), where a design lets it: fsgsbase.
  static var isUsers: Bool { kernel.on_xen == 0 && read_cr4() & 1 << 16 != 0 }

  /// What user mode has made of its bases; GS's is the inactive one.
  static func keepBases(_ task: UnsafeMutablePointer<task>) {
    guard isUsers else { return }
    task.pointee.fs_base = read_msr(0xC000_0100)
    task.pointee.gs_base = read_msr(0xC000_0102)
  }

  /// Bare metal alone: one table, whose entries are those of the task that runs.
  static func setLDT(_ task: UnsafeMutablePointer<task>) {
    guard kernel.on_xen == 0 else { return }
    for entry in UInt(0)..<UInt(LDT_ENTRIES) { store(ldt_address() + entry * 8, ldt_of(task)[Int(entry)]) }
  }

  /// The user's bases, which are in force from the next return to user mode on; GS's is the inactive one.
  static func setBases(_ task: UnsafeMutablePointer<task>) {
    if kernel.on_xen != 0 {
      Hypercall.setSegmentBase(0, task.pointee.fs_base)
      Hypercall.setSegmentBase(1, task.pointee.gs_base)
    } else {
      write_msr(0xC000_0100, task.pointee.fs_base)
      write_msr(0xC000_0102, task.pointee.gs_base)
    }
  }
}
