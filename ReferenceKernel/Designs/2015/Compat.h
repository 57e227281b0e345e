// SYSENTER and 32-bit SYSCALL of 2015: Linux 4.2, entry_SYSENTER_compat and entry_SYSCALL_compat; under Xen both are entered at
// their very start, with Xen's frame undone. SYSENTER leaves no user RSP behind: Xen's frame says 0, the caller put it in EBP.
// Both go on where Linux's 32-bit vDSO says, as later kernels do; the read of the sixth argument is do_fast_syscall_32's.

  .section .entry.text, "ax"
  .globl entry_SYSENTER_compat, entry_SYSCALL_compat, xen_sysenter_target, xen_syscall32_target
entry_SYSENTER_compat:
  SWAPGS_UNSAFE_STACK
  movq PER_CPU(top_of_stack), %rsp
  // At once: nothing here is per CPU.
  TRACE_IRQS_ON
  ENABLE_INTERRUPTS
  movl %ebp, %ebp
  movl %eax, %eax
  pushq $USER_DS
  pushq %rbp
  pushfq
  pushq $USER32_CS
  pushq $0
  cld
  // The processor kept the user's NT, and AC: neither is for C.
  testl $(FLAGS_NT | FLAGS_AC), PT_RFLAGS - PT_RIP(%rsp)
  jz compat_call
  pushq $(FLAGS_IF | 2)
  popfq
  jmp compat_call

entry_SYSCALL_compat:
  SWAPGS_UNSAFE_STACK
  movl %esp, %r8d
  movq PER_CPU(top_of_stack), %rsp
  TRACE_IRQS_ON
  ENABLE_INTERRUPTS
  movl %eax, %eax
  pushq $USER_DS
  pushq %r8
  pushq %r11
  pushq $USER32_CS
  pushq %rcx

// 32-bit code has no R8 to R15: they go out as zero.
compat_call:
  pushq %rax
  pushq %rdi
  pushq %rsi
  pushq %rdx
  pushq %rcx
  pushq $-ENOSYS
  pushq $0
  pushq $0
  pushq $0
  pushq $0
  pushq %rbx
  pushq %rbp
  pushq $0
  pushq $0
  pushq $0
  pushq $0
  movq %rsp, %rdi
  call do_fast_syscall_32
  DISABLE_INTERRUPTS
  TRACE_IRQS_OFF
  EXIT_WORK
  // SYSRET to 32-bit code clears RF, and would trap at once with TF.
  testl $(FLAGS_RF | FLAGS_TF), PT_RFLAGS(%rsp)
  jnz 1f
  cmpq $USER32_CS, PT_CS(%rsp)
  jne 1f
  cmpq $VDSO32, PT_RIP(%rsp)
  jne 1f
  TRACE_IRQS_ON
  POP_REGISTERS
  movl PT_RIP - PT_ORIG_RAX(%rsp), %ecx
  movl PT_RFLAGS - PT_ORIG_RAX(%rsp), %r11d
  movq PT_RSP - PT_ORIG_RAX(%rsp), %rsp
  USERGS_SYSRET32
1:
  jmp return_to_user

  .pushsection .entry.text.xen, "ax"
xen_sysenter_target:
  UNDO_XEN_SYSCALL
  jmp entry_SYSENTER_compat
xen_syscall32_target:
  XEN_LEAVES_DF
  UNDO_XEN_SYSCALL
  jmp entry_SYSCALL_compat
// As xen_sysret64, but Xen restores everything.
xen_sysret32:
  movq %rsp, PER_CPU(rsp_scratch)
  movq PER_CPU(top_of_stack), %rsp
  pushq $USER_DS
  pushq PER_CPU(rsp_scratch)
  pushq %r11
  pushq $USER32_CS
  pushq %rcx
  jmp xen_iret
  .popsection
