// The way out with Xen forced onto the slow path and its hypercall: an alternative jump, empty on bare metal. HOOK_BEFORE_TEST puts
// it before the opportunistic SYSRET is looked at; otherwise it stands at the SYSRET itself. Either way the fast path is native's alone,
// and there is no USERGS_SYSRET hook.

syscall_slow_return:
  EXIT_WORK
#ifdef HOOK_BEFORE_TEST
  ALTERNATIVE "", FEATURE_XENPV, "jmp return_to_user"
#endif
  RESTORE_EXTRA_REGISTERS
  OPPORTUNISTIC_SYSRET failed=return_to_user
syscall_return_via_sysret:
#ifndef HOOK_BEFORE_TEST
  ALTERNATIVE "", FEATURE_XENPV, "jmp return_to_user"
#endif
  TRACE_IRQS_ON
  RESTORE_C_REGISTERS_EXCEPT_RCX_R11
  movq PT_RSP(%rsp), %rsp
  swapgs
  sysretq

syscall_fast_return:
  TRACE_IRQS_ON
  RESTORE_C_REGISTERS_EXCEPT_RCX_R11
  movq PT_RIP(%rsp), %rcx
  movq PT_RFLAGS(%rsp), %r11
  movq PT_RSP(%rsp), %rsp
  swapgs
  sysretq
