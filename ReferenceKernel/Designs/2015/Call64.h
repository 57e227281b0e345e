// The work of a system call as in 2015: with the registers that C preserves left where they are, unless the call needs them
// in struct pt_regs: rt_sigreturn, fork and whatever may stop the task (Linux 4.2: entry_SYSCALL_64_fastpath and the stubs of
// ptregs calls). RSP is at struct pt_regs, those registers' slots unfilled.

  cmpq $15, %rax                // rt_sigreturn
  je 1f
  cmpq $57, %rax                // fork
  je 1f
  movq %rsp, %rdi
  call do_syscall_64
syscall_disable:
  DISABLE_INTERRUPTS
  TRACE_IRQS_OFF
  movq PER_CPU(task), %rax
  testl $(WORK_SIGNAL | WORK_RESCHEDULE | WORK_SINGLE_STEP), TASK_work(%rax)
#ifdef SLOW_PATH_UNDER_XEN
  ALTERNATIVE "jz syscall_fast_return", FEATURE_XENPV, ""
#else
  jz syscall_fast_return
#endif
  SAVE_EXTRA_REGISTERS
  jmp syscall_slow_return
1:
  SAVE_EXTRA_REGISTERS
  movq %rsp, %rdi
  call do_syscall_64
  DISABLE_INTERRUPTS
  TRACE_IRQS_OFF
