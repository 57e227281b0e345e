// The way out of 2015: Linux 4.2, from entry_SYSCALL_64_fastpath's end and int_ret_from_sys_call on; xen_sysret64, where the hook
// leads under Xen, builds the iret hypercall's frame that native code has just taken down.
//
//     what xen_sysret64 pushes from the top of the stack: ss, rsp, r11, cs, rcx, VGCF_in_syscall; then RCX, R11, RAX

syscall_slow_return:
  EXIT_WORK
  RESTORE_EXTRA_REGISTERS
  OPPORTUNISTIC_SYSRET failed=opportunistic_sysret_failed
syscall_return_via_sysret:
  TRACE_IRQS_ON
  RESTORE_C_REGISTERS_EXCEPT_RCX_R11
  movq PT_RSP(%rsp), %rsp
  USERGS_SYSRET64

syscall_fast_return:
  TRACE_IRQS_ON
  RESTORE_C_REGISTERS_EXCEPT_RCX_R11
  movq PT_RIP(%rsp), %rcx
  movq PT_RFLAGS(%rsp), %r11
  movq PT_RSP(%rsp), %rsp
  USERGS_SYSRET64

opportunistic_sysret_failed:
  jmp return_to_user

  .pushsection .entry.text.xen, "ax"
xen_sysret64:
  movq %rsp, PER_CPU(rsp_scratch)
  movq PER_CPU(top_of_stack), %rsp
  pushq $USER_DS
  pushq PER_CPU(rsp_scratch)
  pushq %r11
  pushq $USER_CS
  pushq %rcx
  pushq $VGCF_in_syscall
  jmp xen_iret_flags_pushed
  .popsection
