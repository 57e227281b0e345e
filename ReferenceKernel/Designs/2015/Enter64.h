// The way in of 2015, bare metal's and Xen's: Linux 4.2, entry_SYSCALL_64, and xen_syscall_target, which undoes Xen's frame and joins
// behind the SWAPGS.
//
//     from the top of the stack, as it grows                  interrupts
//
//     ss      USER_DS
//     rsp     from rsp_scratch
//                                                             on from here: rsp_scratch is free again
//     rflags  R11
//     cs      USER_CS
//     rip     RCX
//     ... the rest of struct pt_regs

  .section .entry.text, "ax"
  .globl entry_SYSCALL_64, xen_syscall_target, entry_SYSCALL_64_after_swapgs
entry_SYSCALL_64:
  SWAPGS_UNSAFE_STACK
entry_SYSCALL_64_after_swapgs:
  movq %rsp, PER_CPU(rsp_scratch)
  movq PER_CPU(top_of_stack), %rsp
  pushq $USER_DS
  pushq PER_CPU(rsp_scratch)
#ifdef TRACE_ENTRY
  TRACE_IRQS_OFF
  TRACE_IRQS_ON
#endif
entry_SYSCALL_64_sti:
  ENABLE_INTERRUPTS
entry_SYSCALL_64_enabled:
  pushq %r11
  pushq $USER_CS
  pushq %rcx
  pushq %rax
  pushq %rdi
  pushq %rsi
  pushq %rdx
  pushq %rcx
  pushq $-ENOSYS
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  subq $(6 * 8), %rsp
  CLAIM_IRQS 0, entry_SYSCALL_64, entry_SYSCALL_64_sti + 1
  CLAIM_IRQS 0, xen_syscall_target, xen_syscall_target_end
  CLAIM_IRQS 1, entry_SYSCALL_64_enabled, syscall_disable + 1

  .pushsection .entry.text.xen, "ax"
xen_syscall_target:
  XEN_LEAVES_DF
  UNDO_XEN_SYSCALL
  jmp entry_SYSCALL_64_after_swapgs
xen_syscall_target_end:
  .popsection
