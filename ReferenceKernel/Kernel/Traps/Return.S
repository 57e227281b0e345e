// The ways back that all designs share: to user mode and to the kernel by IRET, or by Xen's iret hypercall, and a task's first.
//
//     what IRETQ pops, and what the hypercall takes: struct iret_context of xen/include/public/arch-x86/xen-x86_64.h
//
//     rip cs rflags rsp ss          rax r11 rcx flags rip cs rflags rsp ss
#include "../threshold.h"

  .text
// After a trap or an interrupt; RSP at struct pt_regs.
  .globl return_from_trap, return_to_user, restore_registers_and_iret
return_from_trap:
  DISABLE_INTERRUPTS
  testb $3, PT_CS(%rsp)
  jz return_to_kernel
  TRACE_IRQS_OFF
  EXIT_WORK

// To user mode by IRET, with interrupts off and no work left.
return_to_user:
  TRACE_IRQS_ON
restore_registers_and_iret:
  POP_REGISTERS
  addq $8, %rsp
  SWAPGS
interrupt_return:
  ALTERNATIVE "jmp native_return", FEATURE_XENPV, "jmp xen_iret"

return_to_kernel:
  // What was interrupted goes on with the interrupts that it had.
  testl $FLAGS_IF, PT_RFLAGS(%rsp)
  jz 1f
  TRACE_IRQS_ON
1:
  POP_REGISTERS
  addq $8, %rsp
  jmp interrupt_return

// A threshold may do something first, and go on to native_iret. A fault there is the user's: the frame asked for what cannot be had.
// exception_from_kernel knows the address.
  .weak native_return
  .globl native_iret, xen_iret
native_return:
native_iret:
  iretq

// The hypercall pops the whole frame; it comes back from the kernel's privilege 3 with the RPL of CS telling it from the user's.
xen_iret:
  pushq $0
  .globl xen_iret_flags_pushed
// Here with the word of flags pushed below the frame.
xen_iret_flags_pushed:
  pushq %rcx
  pushq %r11
  pushq %rax
  movl $XEN_iret, %eax
  syscall
  ud2

// Where a new task starts, the first one too: its stack holds nothing but struct pt_regs. A threshold may have one of its own that
// sets something up before (Parts/Start.h).
  .weak return_from_fork
return_from_fork:
  jmp return_from_trap

// void switch_stacks(struct task *from, struct task *to)
  .globl switch_stacks
switch_stacks:
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, TASK_rsp(%rdi)
  movq TASK_rsp(%rsi), %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  ret
