// iret among the calls of a multicall: xen/arch/x86/pv/hypercall.c, pv_do_multicall_call; xen/common/multicall.c, do_multicall, mc_exit.

func observeMulticalls() {
  topic = "multicall"
  // Lists that both modes map writable, that only the kernel maps, and that nobody may write, where the answer is lost.
  iret("iret-user", .user, list: Memory.window + 0x200, alias: window_pages_address() + 0x200)
  iret("iret-user-kernel-list", .user, list: spare(0) + 0x200, alias: spare(0) + 0x200)
  iret("iret-first", .user, list: Memory.window + 0x200, alias: window_pages_address() + 0x200, at: 0)
  iret("iret-read-only", .kernel, list: Memory.window + 0x1200, alias: window_pages_address() + 0x1200, at: 0)
  iret("iret-kernel", .kernel, list: spare(0) + 0x200, alias: spare(0) + 0x200)
  iret("iret-syscall", .user, list: spare(0) + 0x200, alias: spare(0) + 0x200, flags: 0x100)
  iret("iret-rax-negative", .kernel, list: spare(0) + 0x200, alias: spare(0) + 0x200, rax: 0x1_8000_0001)
  iret("iret-unmasks", .user, list: spare(0) + 0x200, alias: spare(0) + 0x200, pends: true)
}

/// Two calls of xen_version and, at `place` among them, iret: where it goes on, with which registers, and what became of the three
/// answers. The list is written at `alias`.
private func iret(
  _ name: StaticString, _ mode: Mode, list: UInt, alias: UInt, flags: UInt = 0, rax: UInt = 0x1_0000_002A,
  at place: UInt = 1, pends: Bool = false
) {
  var index: UInt = 0
  while index < 24 {
    store(alias + index * 8, index % 8 == 1 ? 0x1234 : 0)
    index += 1
  }
  index = 0
  while index < 3 {
    store(alias + index * 64, (index == place ? Hypercall.iret : .xenVersion).rawValue)
    index += 1
  }
  let frame = spare(0) + 0x400
  observe(name, .kernel, code_multicall()) {
    $0.landmark = code_nothing()
    var target = Case(mode, code_nothing()).frame
    (target.rax, target.flags) = (rax, flags)
    UnsafeMutablePointer<iret_context>(bitPattern: frame)!.pointee = target
    case_start.rdx = frame
    case_start.rdi = list
    case_start.rsi = 3
    if pends { store_byte(vcpu_info, 1) }
    $0.frame.rflags = 2
  }
  var line = Line()
  line.put(topic)
  line.put("/")
  line.put(name)
  line.put("-answers:")
  index = 0
  while index < 3 {
    line.put(" ")
    putAnswer(&line, Int(bitPattern: load(alias + 8 + index * 64)))
    index += 1
  }
  line.end()
}
