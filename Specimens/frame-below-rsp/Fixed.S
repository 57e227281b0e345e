// frame-below-rsp, fixed: under Xen PV the frame stays where it is.
#include "threshold.h"

  .section .entry.text, "ax"
  .globl entry_SYSCALL_64, entry_join, xen_syscall_target
entry_SYSCALL_64:
  swapgs
  movq %rsp, PER_CPU(rsp_scratch)
  movq PER_CPU(top_of_stack), %rsp
  pushq $USER_DS
  pushq PER_CPU(rsp_scratch)
  pushq %r11
  pushq $USER_CS
  pushq %rcx
entry_join:
  pushq %rax
  PUSH_REGISTERS $-ENOSYS
  ENABLE_INTERRUPTS
  movq %rsp, %rdi
  call do_syscall_64
  DISABLE_INTERRUPTS
  EXIT_WORK
leave:
  ALTERNATIVE "", FEATURE_XENPV, "jmp return_to_user"
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rax
  popq %rcx
  popq %rdx
  popq %rsi
  movq %rsp, %rdi               // at the user's RDI, then orig_rax, rip, cs, rflags, rsp, ss
  movq PER_CPU(top_of_stack), %rsp
leave_copy:
  .rept 5
  pushq 48(%rdi)
  subq $8, %rdi
  .endr
  pushq 40(%rdi)
  popq %rdi
  SWAPGS
  ALTERNATIVE "jmp native_iret", FEATURE_XENPV, "jmp xen_iret"

  .section .entry.text.xen, "ax"
xen_syscall_target:
  XEN_LEAVES_DF
  popq %rcx
  popq %r11
  movq $USER_DS, PT_SS - PT_RIP(%rsp)
  movq $USER_CS, PT_CS - PT_RIP(%rsp)
  jmp entry_join

#include "designs/complete/Compat.h"

  .globl xen_callback_flags, design_name
  .set xen_callback_flags, 1    // CALLBACKF_mask_events
  .section .rodata
design_name: .asciz "frame-below-rsp, fixed"
