// Every way into the kernel and the frame that Xen makes for it: xen/arch/x86/x86_64/entry.S, traps.c, pv/traps.c.

func observeEntries() {
  topic = "entry"
  everywhere("int3", code_int3())
  everywhere("ud2", code_ud2())
  everywhere("hlt", code_hlt())
  everywhere("divide", code_divide()) { $0.frame.rcx = 0 }
  everywhere("int80", code_int80())
  observe("syscall", .user, code_syscall())
  observe("syscall32", .compatibility, code_syscall32())
  observe("syscall32", .kernelCompatibility, code_syscall32())
  observe("sysenter", .compatibility, code_sysenter32())
  observe("sysenter", .user, code_sysenter())
  observe("int3", .compatibility, code_int3_32())
  observe("int80", .compatibility, code_int80_32())
  observe("ud2", .compatibility, code_ud2_32())
  observe("into", .compatibility, code_into()) { $0.frame.rflags |= 0x800 }
  observe("into-clear", .compatibility, code_into())
  observe("bound", .compatibility, code_bound()) {
    $0.frame.rcx = Memory.window
    store(window_pages_address(), 0)
  }
  everywhere("int1", code_int1())

  // Page faults: the user bit of the error code says which mode, whatever the processor said.
  everywhere("load-absent", code_load_rdx()) { _ in case_start.rdx = Memory.window + 0x3000 }
  everywhere("store-absent", code_store_rdx()) { _ in case_start.rdx = Memory.window + 0x3008 }
  everywhere("store-read-only", code_store_rdx()) { _ in case_start.rdx = Memory.window + 0x1010 }
  everywhere("jump-absent", code_jump_rdx()) { _ in case_start.rdx = Memory.window + 0x3018 }
  everywhere("call-absent", code_call_rdx()) { _ in case_start.rdx = Memory.window + 0x3018 }
  everywhere("jump-no-execute", code_jump_rdx()) { _ in case_start.rdx = Memory.window + 0x2020 }
  everywhere("load-null", code_load_rdx()) { _ in case_start.rdx = 8 }
  everywhere("load-kernel", code_load_rdx()) { _ in case_start.rdx = kernel_stack_address() }
  everywhere("load-direct-map", code_load_rdx()) { _ in case_start.rdx = 0xFFFF_8300_0000_1000 }
  everywhere("store-m2p", code_store_rdx()) { _ in case_start.rdx = 0xFFFF_8000_0000_0000 }
  everywhere("jump-m2p", code_jump_rdx()) { _ in case_start.rdx = 0xFFFF_8000_0000_0000 }
  everywhere("jump-direct-map", code_jump_rdx()) { _ in case_start.rdx = 0xFFFF_8300_0000_1000 }
  everywhere("load-above-xen", code_load_rdx()) { _ in case_start.rdx = 0xFFFF_8800_0000_0000 }
  everywhere("load-non-canonical", code_load_rdx()) { _ in case_start.rdx = 0x8000_0000_0000_0000 }
  everywhere("jump-non-canonical", code_jump_rdx()) { _ in case_start.rdx = 0x8000_0000_0000 }
  observe("load-absent", .compatibility, code_load_32()) { _ in case_start.rdx = Memory.window + 0x3000 }
  // The same through SS, where DS is null.
  observe("load-absent-ss", .compatibility, code_load_32_ss()) { _ in case_start.rdx = Memory.window + 0x3000 }
  observe("bound-ss", .compatibility, code_bound_ss()) {
    $0.frame.rcx = Memory.window
    store(window_pages_address(), 0)
  }
  observe("stack-non-canonical", .user, code_load_rsp()) { $0.frame.rsp = 0x8000_0000_0000_0000 }
  observe("push-non-canonical", .user, code_push()) { $0.frame.rsp = 0x8000_0000_0000_0000 }
  observe("push-absent", .user, code_push()) { $0.frame.rsp = Memory.window + 0x4000 }

  // The coprocessor.
  everywhere("x87-exception", code_x87_exception())
  clear_x87()
  everywhere("alignment", code_load_unaligned()) { $0.frame.rflags |= Flag.alignment }
  everywhere("far-return-null", code_far_return())
}
