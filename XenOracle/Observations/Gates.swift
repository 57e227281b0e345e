// Which vectors and callbacks a guest may open to whom, and what masks events: xen/arch/x86/traps.c, do_general_protection; pv/callback.c.

func observeGates() {
  topic = "gate"
  // INT n is checked against the guest's DPL: 0 is nobody, 1 the kernel, 3 all. Vectors 3 and 4 and 0x80 are not checked.
  everywhere("int0-dpl0", code_int0())
  everywhere("int0-dpl1", code_int0()) { _ in World.trap(0, level: 1) }
  everywhere("int0-dpl2", code_int0()) { _ in World.trap(0, level: 2) }
  everywhere("int0-dpl3", code_int0()) { _ in World.trap(0, level: 3) }
  everywhere("int81-dpl0", code_int81())
  everywhere("int81-dpl3", code_int81()) { _ in World.trap(0x81, level: 3) }
  everywhere("int0-dpl3-mask", code_int0()) { _ in World.trap(0, level: 3, mask: true) }
  observe("int81-dpl3", .compatibility, code_int81_32()) { _ in World.trap(0x81, level: 3) }
  everywhere("int82-dpl3", code_int82()) { _ in World.trap(0x82, level: 3) }
  everywhere("int2-dpl3", code_int_2()) { _ in World.trap(2, level: 3) }
  everywhere("int8-dpl0", code_int_8())
  everywhere("int80-dpl0", code_int80()) { _ in World.trap(0x80, level: 0) }
  everywhere("int80-mask", code_int80()) { _ in World.trap(0x80, level: 3, mask: true) }
  everywhere("int3-dpl0", code_int3()) { _ in World.trap(3, level: 0) }
  everywhere("int-3-two-bytes", code_int_3()) { _ in World.trap(3, level: 0) }
  everywhere("int3-mask", code_int3()) { _ in World.trap(3, level: 3, mask: true) }
  everywhere("int3-masked-before", code_int3()) { $0.frame.rflags &= ~Flag.interrupt }
  everywhere("int3-masked-before-mask", code_int3()) {
    $0.frame.rflags &= ~Flag.interrupt
    World.trap(3, level: 3, mask: true)
  }
  everywhere("ud2-mask", code_ud2()) { _ in World.trap(6, level: 0, mask: true) }
  everywhere("page-fault-mask", code_load_rdx()) { _ in
    case_start.rdx = Memory.window + 0x3000
    World.trap(14, level: 0, mask: true)
  }
  everywhere("int80-no-handler", code_int80()) { _ in
    Hypercall.setTrapTable(0)
    World.trap(13, level: 0)
  }
  everywhere("int0-no-handler", code_int0()) { _ in World.clear(keeping: 13) }

  // The code selector of an entry is not used.
  everywhere("selector-0", code_int0()) { _ in
    Hypercall.setTrapTable(words(0x300, World.stub(0), 0, 0))
  }
  everywhere("selector-32-bit", code_int0()) { _ in
    Hypercall.setTrapTable(words(0x300 | Selector.code32 << 16, World.stub(0), 0, 0))
  }

  // A handler that cannot be fetched: the fault is the kernel's, on top of the first frame.
  everywhere("handler-absent", code_int3()) { _ in World.trap(3, level: 3, address: Memory.window + 0x3000) }
  everywhere("handler-in-xen", code_int3()) { _ in World.trap(3, level: 3, address: 0xFFFF_8300_0000_0000) }
  observe("handler-of-nobody", .user, code_syscall()) { _ in
    Callback.syscall.register(0xFFFF_8300_0000_0000, maskEvents: true)
  }

  // Callbacks.
  observe("syscall-no-mask", .user, code_syscall()) { _ in
    Callback.syscall.register(World.stub(258), maskEvents: false)
  }
  observe("syscall-masked-before", .user, code_syscall()) { $0.frame.rflags &= ~Flag.interrupt }
  observe("syscall-masked-before-no-mask", .user, code_syscall()) {
    $0.frame.rflags &= ~Flag.interrupt
    Callback.syscall.register(World.stub(258), maskEvents: false)
  }
  observe("syscall-no-callback", .user, code_syscall()) {
    Callback.syscall.register(0, maskEvents: true)
    $0.frame.rflags |= Flag.direction
  }
  observe("syscall-no-callback-ud-mask", .user, code_syscall()) { _ in
    Callback.syscall.register(0, maskEvents: false)
    World.trap(6, level: 0, mask: true)
  }
  observe("syscall32-no-mask", .compatibility, code_syscall32()) { _ in
    Callback.syscall32.register(World.stub(259), maskEvents: false)
  }
  observe("syscall32-syscall-no-mask", .compatibility, code_syscall32()) { _ in
    Callback.syscall.register(World.stub(258), maskEvents: false)
  }
  observe("syscall32-no-callback", .compatibility, code_syscall32()) { _ in
    Callback.syscall32.register(0, maskEvents: true)
  }
  observe("sysenter-no-mask", .compatibility, code_sysenter32()) { _ in
    Callback.sysenter.register(World.stub(260), maskEvents: false)
  }
  observe("sysenter-masked-before", .compatibility, code_sysenter32()) { $0.frame.rflags &= ~Flag.interrupt }
  observe("sysenter-no-callback", .compatibility, code_sysenter32()) { _ in
    Callback.sysenter.register(0, maskEvents: true)
  }
  observe("sysenter-no-callback-gp-mask", .compatibility, code_sysenter32()) { _ in
    Callback.sysenter.register(0, maskEvents: false)
    World.trap(13, level: 0, mask: true)
  }
}
