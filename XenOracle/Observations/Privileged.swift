// Privileged instructions in a guest's kernel and user mode: pv_emulate_privileged_op in xen/arch/x86/pv/emul-priv-op.c; forced CPUID in
// pv/emul-inv-op.c; #NM in x86/traps.c. What dom0 may do and a domU may not is left out: ports other than the tested ones.

private func setIOPL(_ level: UInt) -> Int { Hypercall.physicalDeviceOperation(6, words(level)) }

func observePrivileged() {
  topic = "privileged"
  everywhere("mov-from-cr0", code_mov_from_cr0())
  everywhere("mov-from-cr2", code_mov_from_cr2()) { _ in store(vcpu_info + 16, 0x1234_5678) }
  everywhere("mov-from-cr8", code_mov_from_cr8())
  everywhere("mov-to-cr2", code_mov_to_cr2()) { _ in case_start.rdx = 0x1234 }
  observe("mov-to-cr2-read", .kernel, code_mov_from_cr2())
  result("mov-to-cr2-shared", load(vcpu_info + 16))
  observe("mov-to-cr3-0", .kernel, code_mov_to_cr3()) { _ in case_start.rdx = 0 }
  observe("mov-to-cr3-far", .kernel, code_mov_to_cr3()) { _ in case_start.rdx = 0xFFFF_F000_0000_0000 }
  observe("mov-cr3-same", .kernel, code_mov_cr3_same())
  everywhere("mov-to-cr8", code_mov_to_cr8())
  observe("mov-cr0-same", .kernel, code_mov_cr0_same())
  observe("mov-cr0-write-protect", .kernel, code_mov_cr0_wp())
  observe("mov-cr0-ts", .kernel, code_mov_cr0_ts())
  observe("mov-cr0-ts-nm", .user, code_x87())
  observe("mov-cr4-same", .kernel, code_mov_cr4_toggle()) { _ in case_start.rdx = 0 }
  observe("mov-cr4-tsd", .kernel, code_mov_cr4_toggle()) { _ in case_start.rdx = 4 }
  observe("mov-cr4-de", .kernel, code_mov_cr4_toggle()) { _ in case_start.rdx = 8 }
  observe("mov-cr4-pae", .kernel, code_mov_cr4_toggle()) { _ in case_start.rdx = 0x20 }
  observe("mov-cr4-pge", .kernel, code_mov_cr4_toggle()) { _ in case_start.rdx = 0x80 }
  observe("mov-cr4-smep", .kernel, code_mov_cr4_toggle()) { _ in case_start.rdx = 1 << 20 }
  everywhere("clts", code_clts())
  everywhere("wbinvd", code_wbinvd())
  everywhere("invd", code_invd())
  everywhere("invlpg", code_invlpg())
  everywhere("lgdt", code_lgdt())
  everywhere("lidt", code_lidt())
  everywhere("lldt", code_lldt())
  everywhere("ltr", code_ltr())
  everywhere("lmsw", code_lmsw())
  everywhere("sysretq", code_sysretq())
  everywhere("sysexit", code_sysexit())
  everywhere("rdpmc", code_rdpmc())
  everywhere("vmcall", code_vmcall())
  everywhere("vmmcall", code_vmmcall())
  everywhere("xsetbv", code_xsetbv())
  everywhere("rsm", code_rsm())
  everywhere("mov-from-dr6", code_mov_from_dr6())
  everywhere("mov-from-dr7", code_mov_from_dr7())
  everywhere("mov-from-dr4", code_mov_from_dr4())
  everywhere("mov-dr0-round", code_mov_dr0_round()) { _ in case_start.rdx = 0x77_7000 }
  observe("mov-to-dr0-xen", .kernel, code_mov_to_dr0()) { _ in case_start.rdx = 0xFFFF_8300_0000_0000 }
  observe("mov-to-dr7-detect", .kernel, code_mov_to_dr7()) { _ in case_start.rdx = 0x2000 }
  everywhere("rdtsc", code_rdtsc_grows())
  // An emulated instruction is one step.
  observe("step", .kernel, code_mov_from_cr2()) { $0.frame.rflags |= Flag.trap }
  observe("step-cpuid", .kernel, code_xen_nop()) { $0.frame.rflags |= Flag.trap }

  // MSRs.
  everywhere("rdmsr-unknown", code_rdmsr_ecx()) { $0.frame.rcx = 0x1234_5678 }
  everywhere("wrmsr-unknown", code_wrmsr_ecx()) { $0.frame.rcx = 0x1234_5678 }
  observe("rdmsr-unknown-no-handler-of-ud", .kernel, code_rdmsr_ecx()) {
    $0.frame.rcx = 0x1234_5678
    World.clear(keeping: 13)
  }
  observe("rdmsr-apic-base", .kernel, code_rdmsr_ecx()) { $0.frame.rcx = 0x1B }
  observe("wrmsr-apic-base", .kernel, code_wrmsr_ecx()) { $0.frame.rcx = 0x1B }
  observe("rdmsr-pat", .kernel, code_rdmsr_ecx()) { $0.frame.rcx = 0x277 }
  observe("wrmsr-pat", .kernel, code_wrmsr_ecx()) { $0.frame.rcx = 0x277 }
  observe("rdmsr-efer", .kernel, code_rdmsr_ecx()) { $0.frame.rcx = 0xC000_0080 }
  observe("wrmsr-efer-0", .kernel, code_wrmsr_ecx()) {
    $0.frame.rcx = 0xC000_0080
    case_start.rdx = 0
  }
  observe("wrmsr-efer-same", .kernel, code_wrmsr_ecx()) {
    $0.frame.rcx = 0xC000_0080
    case_start.rdx = 0xD01
  }
  everywhere("rdmsr-star", code_rdmsr_ecx()) { $0.frame.rcx = 0xC000_0081 }
  everywhere("rdmsr-lstar", code_rdmsr_ecx()) { $0.frame.rcx = 0xC000_0082 }
  observe("wrmsr-lstar", .kernel, code_wrmsr_ecx()) { $0.frame.rcx = 0xC000_0082 }
  observe("wrmsr-sfmask", .kernel, code_wrmsr_ecx()) { $0.frame.rcx = 0xC000_0084 }
  observe("rdmsr-sysenter-cs", .kernel, code_rdmsr_ecx()) { $0.frame.rcx = 0x174 }
  observe("wrmsr-sysenter-eip", .kernel, code_wrmsr_ecx()) { $0.frame.rcx = 0x176 }
  observe("rdmsr-debugctl", .kernel, code_rdmsr_ecx()) { $0.frame.rcx = 0x1D9 }
  observe("rdmsr-hypercall-page", .kernel, code_rdmsr_ecx()) { $0.frame.rcx = 0x4000_0000 }
  observe("rdmsr-tsc-deadline", .kernel, code_rdmsr_ecx()) { $0.frame.rcx = 0x6E0 }

  // Forced emulation: only CPUID, in either mode. What the processor is does not show here.
  everywhere("xen-cpuid-signature", code_xen_cpuid()) {
    $0.frame.rax = 0x4000_0000
    $0.frame.rcx = 0
  }
  everywhere("xen-cpuid-version", code_xen_cpuid()) {
    $0.frame.rax = 0x4000_0001
    $0.frame.rcx = 0
  }
  everywhere("xen-cpuid-hypercall-page", code_xen_cpuid()) {
    $0.frame.rax = 0x4000_0002
    $0.frame.rcx = 0
  }
  observe("xen-cpuid-step", .kernel, code_xen_cpuid()) {
    $0.frame.rax = 0x4000_0002
    $0.frame.rcx = 0
    $0.frame.rflags |= Flag.trap
  }
  observe("xen-cpuid", .compatibility, code_xen_cpuid()) {
    $0.frame.rax = 0x4000_0002
    $0.frame.rcx = 0
  }
  everywhere("xen-nop", code_xen_nop())
  everywhere("xen-cpuid-prefixed", code_xen_cpuid_prefixed())

  // #NM comes with the guest's own TS alone, and clears it.
  observe("nm-clear", .kernel, code_fpu_twice())
  everywhere("nm-set", code_x87()) { _ in Hypercall.fpuTaskSwitch(1) }
  observe("nm-clears-ts", .kernel, code_mov_from_cr0())
  everywhere("nm-mask", code_x87()) { _ in
    Hypercall.fpuTaskSwitch(1)
    World.trap(7, level: 0, mask: true)
  }
  observe("nm-then-clts", .kernel, code_clts()) { _ in Hypercall.fpuTaskSwitch(1) }
  observe("nm-after-clts", .kernel, code_fpu_then_cr0())
  result("nm-task-switch-2", Hypercall.fpuTaskSwitch(2))
  result("nm-task-switch-0", Hypercall.fpuTaskSwitch(0))

  topic = "iopl"
  // Virtual IOPL: 0 shuts kernel mode out, 1 admits it, 3 all. Port 0x80 takes anything.
  result("set-0", setIOPL(0))
  everywhere("0-cli", code_cli())
  everywhere("0-in", code_in_al_dx()) { _ in case_start.rdx = 0x80 }
  everywhere("0-insb", code_insb()) { _ in case_start.rdx = 0x80 }
  everywhere("0-outsb", code_outsb()) { _ in case_start.rdx = 0x80 }
  everywhere("0-out", code_out_dx_al()) { _ in case_start.rdx = 0x80 }
  result("set-1", setIOPL(1))
  everywhere("1-cli", code_cli())
  everywhere("1-sti", code_sti())
  everywhere("1-out", code_out_dx_al()) { _ in case_start.rdx = 0x80 }
  everywhere("1-pushf", code_pushf())
  everywhere("1-popf", code_popf())
  everywhere("1-int3", code_int3())
  observe("1-cli-step", .kernel, code_cli()) { $0.frame.rflags |= Flag.trap }
  result("set-3", setIOPL(3))
  everywhere("3-cli", code_cli())
  everywhere("3-out", code_out_dx_al()) { _ in case_start.rdx = 0x80 }
  observe("3-cli", .compatibility, code_cli_32())
  result("set-4", setIOPL(4))
  result("set-bad-pointer", Hypercall.physicalDeviceOperation(6, 0x1000))
  // VMASST_TYPE_architectural_iopl: the frame shows it and iret sets it.
  result("assist", Hypercall.assist(0, 4))
  everywhere("assist-int3-0", code_int3())
  everywhere("assist-int3-1", code_int3()) { $0.frame.rflags |= 1 << 12 }
  everywhere("assist-int3-3", code_int3()) { $0.frame.rflags |= 3 << 12 }
  everywhere("assist-cli-1", code_cli()) { $0.frame.rflags |= 1 << 12 }
  everywhere("assist-cli-2", code_cli()) { $0.frame.rflags |= 2 << 12 }
  everywhere("assist-cli-3", code_cli()) { $0.frame.rflags |= 3 << 12 }
  everywhere("assist-syscall-way", code_int3()) {
    $0.frame.rflags |= 3 << 12
    $0.frame.flags = 0x100
  }
  result("assist-off", Hypercall.assist(1, 4))
  result("set-0-again", setIOPL(0))
}
