// TF and debug registers: xen/arch/x86/traps.c, do_debug; pv/misc-hypercalls.c, set_debugreg.

func observeDebug() {
  topic = "debug"
  everywhere("step", code_steps()) {
    $0.frame.rflags |= Flag.trap
    $0.limit = 4
  }
  everywhere("step-once", code_steps()) {
    $0.frame.rflags |= Flag.trap
    $0.limit = 2
    resume_flags_kept = ~Flag.trap
  }
  everywhere("step-int80", code_step_int80()) {
    $0.frame.rflags |= Flag.trap
    $0.limit = 2
  }
  everywhere("step-int3", code_step_int3()) {
    $0.frame.rflags |= Flag.trap
    $0.limit = 2
  }
  observe("step-syscall", .user, code_step_syscall()) {
    $0.frame.rflags |= Flag.trap
    $0.limit = 2
  }
  observe("step-syscall-32", .compatibility, code_syscall32()) { $0.frame.rflags |= Flag.trap }
  everywhere("step-ud2", code_ud2()) {
    $0.frame.rflags |= Flag.trap
    $0.limit = 1
  }
  everywhere("step-mask", code_steps()) {
    $0.frame.rflags |= Flag.trap
    $0.limit = 2
    World.trap(1, level: 0, mask: true)
  }
  everywhere("breakpoint", code_steps()) {
    DebugRegister.set(0, $0.frame.rip + 6)
    DebugRegister.set(7, 0x401)
    $0.showsResume = true
  }
  // RF is set in the frame of a fault, but not of an instruction breakpoint's.
  everywhere("ud2-shows-resume", code_ud2()) { $0.showsResume = true }
  everywhere("int3-shows-resume", code_int3()) { $0.showsResume = true }
  everywhere("breakpoint-resume", code_steps()) {
    DebugRegister.set(0, $0.frame.rip + 6)
    DebugRegister.set(7, 0x401)
    $0.limit = 2
    resume_flags_set = Flag.resume
  }
  everywhere("breakpoint-entered-resume", code_steps()) {
    DebugRegister.set(0, $0.frame.rip)
    DebugRegister.set(7, 0x401)
    $0.frame.rflags |= Flag.resume
  }
  everywhere("breakpoint-entered", code_steps()) {
    DebugRegister.set(0, $0.frame.rip)
    DebugRegister.set(7, 0x401)
  }
  everywhere("watch-write", code_store_rdx()) {
    case_start.rdx = Memory.window + 0x20
    DebugRegister.set(3, Memory.window + 0x20)
    DebugRegister.set(7, 0xD000_0440)
    $0.limit = 2
  }
  everywhere("watch-write-read", code_load_rdx()) { _ in
    store(window_pages_address() + 0x20, 0x77)
    case_start.rdx = Memory.window + 0x20
    DebugRegister.set(3, Memory.window + 0x20)
    DebugRegister.set(7, 0xD000_0440)
  }
  DebugRegister.set(7, 0)
  observePutOff()

  DebugRegister.set(6, 0)
  result("dr6-clear", DebugRegister.get(6))
  observe("step-for-dr6", .user, code_steps()) { $0.frame.rflags |= Flag.trap }
  result("dr6-step", DebugRegister.get(6))
  DebugRegister.set(0, code_steps())
  DebugRegister.set(7, 0x401)
  observe("breakpoint-for-dr6", .user, code_steps())
  result("dr6-step-and-breakpoint", DebugRegister.get(6))
  DebugRegister.set(7, 0)
  result("dr6-all", DebugRegister.set(6, 0xFFFF_FFFF))
  result("dr6-all-read", DebugRegister.get(6))
  result("dr6-upper", DebugRegister.set(6, 1 << 32))
  result("dr7-read", DebugRegister.get(7))
  result("dr7-all", DebugRegister.set(7, 0xFFFF_FFFF))
  result("dr7-detect", DebugRegister.set(7, 0x2000))
  result("dr7-upper", DebugRegister.set(7, 1 << 32))
  result("dr7-io", DebugRegister.set(7, 0x20001))
  result("dr7-io-off", DebugRegister.set(7, 0x20000))
  result("dr7-io-off-read", DebugRegister.get(7))
  result("dr7-set", DebugRegister.set(7, 0xDDDD_00FF))
  result("dr7-set-read", DebugRegister.get(7))
  DebugRegister.set(7, 0)
  result("dr7-cleared-read", DebugRegister.get(7))
  result("dr0-kernel", DebugRegister.set(0, 0xFFFF_FFFF_8010_0000))
  result("dr0-kernel-read", DebugRegister.get(0))
  result("dr1-xen", DebugRegister.set(1, 0xFFFF_8300_0000_0000))
  result("dr1-m2p", DebugRegister.set(1, 0xFFFF_8000_0000_0000))
  result("dr1-above-xen", DebugRegister.set(1, 0xFFFF_8800_0000_0000))
  result("dr1-non-canonical", DebugRegister.set(1, 0x8000_0000_0000_0000))
  result("dr2-user", DebugRegister.set(2, 0x1234_5678))
  result("dr2-read", DebugRegister.get(2))
  result("dr4", DebugRegister.set(4, 0))
  result("dr4-read", DebugRegister.get(4))
  result("dr5", DebugRegister.set(5, 0))
  result("dr5-read", DebugRegister.get(5))
  result("dr8", DebugRegister.set(8, 0))
  result("dr8-read", DebugRegister.get(8))
  result("dr-negative", DebugRegister.set(~0, 0))
  for register in 0..<4 { DebugRegister.set(UInt(register), 0) }
}

/// A data breakpoint that MOV SS meets: the #DB is put off behind the next instruction. Where that one enters Xen it comes there, and
/// the guest does not hear of it, nor see it in DR6.
private func observePutOff() {
  let place = Memory.window + 0x20
  store(window_pages_address() + 0x20, Selector.data)
  func watch() {
    case_start.rdx = place
    DebugRegister.set(6, 0)
    DebugRegister.set(3, place)
    DebugRegister.set(7, 0x7000_0440)
  }
  func causes(_ name: StaticString) { result(name, DebugRegister.get(6) & 0xE00F) }
  everywhere("put-off-nop", code_put_off_nop()) { _ in watch() }
  causes("put-off-nop-dr6")
  everywhere("put-off-int3", code_put_off_int3()) { _ in watch() }
  causes("put-off-int3-dr6")
  everywhere("put-off-int80", code_put_off_int80()) { _ in watch() }
  causes("put-off-int80-dr6")
  observe("put-off-into", .compatibility, code_put_off_into_32()) {
    watch()
    $0.frame.rflags |= 0x800
  }
  causes("put-off-into-dr6")
  observe("put-off-syscall", .user, code_put_off_syscall()) { _ in watch() }
  causes("put-off-syscall-dr6")
  // A hypercall: xen_version.
  observe("put-off-syscall", .kernel, code_put_off_syscall()) {
    watch()
    $0.frame.rax = Hypercall.xenVersion.rawValue
    case_start.rdi = 0
  }
  causes("put-off-hypercall-dr6")
  everywhere("put-off-ud2", code_put_off_ud2()) { _ in watch() }
  causes("put-off-ud2-dr6")
  everywhere("put-off-int81", code_put_off_int81()) { _ in watch() }
  causes("put-off-int81-dr6")
  everywhere("put-off-int1", code_put_off_int1()) { _ in watch() }
  causes("put-off-int1-dr6")
  DebugRegister.set(7, 0)
}

enum DebugRegister {
  @discardableResult
  static func set(_ number: UInt, _ value: UInt) -> Int { Hypercall.setDebugRegister(number, value) }
  static func get(_ number: UInt) -> Int { Hypercall.getDebugRegister(number) }
}
