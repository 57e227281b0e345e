// The iret hypercall in all its forms: xen/arch/x86/pv/iret.c; restore_all_guest in x86_64/entry.S; public/arch-x86/xen-x86_64.h.

private let inSyscall: UInt = 0x100

func observeIret() {
  topic = "iret"
  // What of RFLAGS comes through. IF becomes the upcall mask.
  everywhere("flags-none", code_show_flags()) { $0.frame.rflags = 0 }
  everywhere("flags-all", code_show_flags()) { $0.frame.rflags = ~(Flag.trap | Flag.interrupt | Flag.virtualInterrupt) }
  everywhere("flags-interrupt", code_show_flags()) { $0.frame.rflags = Flag.interrupt }
  everywhere("flags-iopl", code_show_flags()) { $0.frame.rflags |= Flag.ioPrivilege }
  everywhere("flags-virtual-8086", code_show_flags()) { $0.frame.rflags |= Flag.virtual8086 }
  everywhere("flags-nested", code_show_flags()) { $0.frame.rflags |= Flag.nested }
  everywhere("flags-alignment", code_show_flags()) { $0.frame.rflags |= Flag.alignment }
  everywhere("flags-direction", code_show_flags()) { $0.frame.rflags |= Flag.direction }
  everywhere("flags-virtual-interrupt", code_show_flags()) { $0.frame.rflags |= Flag.virtualInterrupt }
  everywhere("flags-upper", code_show_flags()) { $0.frame.rflags |= 0xFFFF_FFFF_0000_0000 }

  // VGCF_in_syscall: SYSRET, so RCX and R11 are RIP and RFLAGS, and CS and SS are the flat ones whatever the frame says.
  everywhere("syscall", code_show_flags()) { $0.frame.flags = inSyscall }
  everywhere("syscall-flags-all", code_show_flags()) {
    $0.frame.flags = inSyscall
    $0.frame.rflags = ~(Flag.trap | Flag.interrupt | Flag.resume | Flag.virtualInterrupt)
  }
  everywhere("syscall-masked", code_show_flags()) {
    $0.frame.flags = inSyscall
    $0.frame.rflags = 2
  }
  everywhere("syscall-step", code_show_flags()) {
    $0.frame.flags = inSyscall
    $0.frame.rflags |= Flag.trap
  }
  observe("syscall-compat-selector", .compatibility, code_show_flags_32()) { $0.frame.flags = inSyscall }
  observe("syscall-compat-selector", .kernelCompatibility, code_show_flags_32()) { $0.frame.flags = inSyscall }
  observe("syscall-odd-selectors", .user, code_show_flags()) {
    $0.frame.flags = inSyscall
    $0.frame.cs = 0x33
    $0.frame.ss = 0x2B
  }
  observe("syscall-odd-selectors", .kernel, code_show_flags()) {
    $0.frame.flags = inSyscall
    $0.frame.cs = 0x10
    $0.frame.ss = 0
  }
  everywhere("syscall-other-flag-bits", code_show_flags()) { $0.frame.flags = ~inSyscall }
  everywhere("syscall-all-flag-bits", code_show_flags()) { $0.frame.flags = ~0 }
  everywhere("syscall-kernel-rip", code_show_flags()) {
    $0.frame.flags = inSyscall
    $0.frame.rip = World.stub(0x55)
  }

  // Selectors. RPL is forced to 3; its bits choose the mode.
  observe("cs-kernel-rpl-1", .kernel, code_show_flags()) { $0.frame.cs |= 1 }
  observe("cs-kernel-rpl-2", .kernel, code_show_flags()) { $0.frame.cs |= 2 }
  everywhere("cs-upper", code_show_flags()) { $0.frame.cs |= 0xABCD_0000 }
  everywhere("ss-upper", code_show_flags()) { $0.frame.ss |= 0xABCD_0000 }
  everywhere("ss-rpl-0", code_show_flags()) { $0.frame.ss &= ~3 }
  everywhere("ss-null", code_show_flags()) { $0.frame.ss = 0 }
  everywhere("ss-code", code_show_flags()) { $0.frame.ss = Selector.code64 }
  everywhere("ss-no-descriptor", code_show_flags()) { $0.frame.ss = 0x1238 }
  everywhere("ss-beyond-limit", code_show_flags()) { $0.frame.ss = 0xFFF8 }
  everywhere("ss-ldt", code_show_flags()) { $0.frame.ss = 0xF }
  everywhere("ss-tss", code_show_flags()) { $0.frame.ss = 0xE040 }
  everywhere("ss-xen", code_show_flags()) { $0.frame.ss = 0xE010 }
  observe("cs-null", .user, code_show_flags()) { $0.frame.cs = 3 }
  observe("cs-null", .kernel, code_show_flags()) { $0.frame.cs = 0 }
  observe("cs-data", .user, code_show_flags()) { $0.frame.cs = 0xE02B }
  observe("cs-data", .kernel, code_show_flags()) { $0.frame.cs = 0xE028 }
  observe("cs-no-descriptor", .user, code_show_flags()) { $0.frame.cs = 0x123B }
  observe("cs-no-descriptor", .kernel, code_show_flags()) { $0.frame.cs = 0x1238 }
  observe("cs-beyond-limit", .user, code_show_flags()) { $0.frame.cs = 0xFFFB }
  observe("cs-xen", .user, code_show_flags()) { $0.frame.cs = 0xE00B }
  observe("cs-xen", .kernel, code_show_flags()) { $0.frame.cs = 0xE008 }
  observe("cs-ldt", .user, code_show_flags()) { $0.frame.cs = 0xF }
  observe("compat", .compatibility, code_show_flags_32())
  observe("compat", .kernelCompatibility, code_show_flags_32())

  // RIP and RSP.
  everywhere("rip-absent", code_nothing()) { $0.frame.rip = Memory.window + 0x3000 }
  everywhere("rip-no-execute", code_nothing()) { $0.frame.rip = Memory.window + 0x2000 }
  everywhere("rip-kernel", code_nothing()) { $0.frame.rip = World.stub(0x56) }
  everywhere("rip-direct-map", code_nothing()) { $0.frame.rip = 0xFFFF_8300_0000_0000 }
  everywhere("rip-non-canonical", code_nothing()) { $0.frame.rip = 0x8000_0000_0000 }
  everywhere("rip-non-canonical-syscall", code_nothing()) {
    $0.frame.rip = 0x8000_0000_0000
    $0.frame.flags = inSyscall
  }
  observe("rsp-0", .user, code_int3()) { $0.frame.rsp = 0 }
  observe("rsp-non-canonical", .user, code_int3()) { $0.frame.rsp = 0x1234_5678_9ABC_DEF0 }
  observe("rsp-direct-map", .user, code_int3()) { $0.frame.rsp = 0xFFFF_8300_0000_0000 }
  observe("rsp-user-stack", .kernel, code_int3()) { $0.frame.rsp = Memory.stackTop - 256 }

  // The instruction.
  everywhere("instruction", code_iretq())
  everywhere("instruction-kernel-selector", code_iretq_kernel_selector())
  everywhere("instruction-level-0", code_iretq_level_0())
  everywhere("far-return-compat", code_far_return_32())
}
