// complete: both halves of what the mail asks for. Xen enters behind the pushes of the hardware frame, and leaves by the iret
// hypercall before the opportunistic SYSRET is looked at; interrupts are enabled "a few instructions later even on native".
//
// "On Xen, can we just enter later on: ... pushq %rcx /* pt_regs->ip */ <-- Xen enters here", "IF_XEN("jmp ...")".
//
//     native pushes           Xen pushed              at entry_join, RSP at rip
//
//     ss      2b              ss      e02b            the stub puts Linux's selectors in place of Xen's, so that both
//     rsp                     rsp                     frames are the same
//     rflags                  rflags
//     cs      33              cs      e033
//     rip                     rip
//                             r11  } popped
//                             rcx  }
//
// Linux has had the first half since 4.14 ("x86/xen/64: Rearrange the SYSCALL entries"), the second since 5.12 ("x86/xen: Drop
// USERGS_SYSRET64 paravirt call").
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
  ENTER_KERNEL_TABLES
entry_SYSCALL_64_sti:
  ENABLE_INTERRUPTS
entry_SYSCALL_64_enabled:
  movq %rsp, %rdi
  call do_syscall_64
syscall_disable:
  DISABLE_INTERRUPTS
  EXIT_WORK
  ALTERNATIVE "", FEATURE_XENPV, "jmp return_to_user"
  OPPORTUNISTIC_SYSRET failed=return_to_user
syscall_return_via_sysret:
  LEAVE_KERNEL_TABLES
  RESTORE_EXTRA_REGISTERS
  RESTORE_C_REGISTERS_EXCEPT_RCX_R11
  movq PT_RSP(%rsp), %rsp
  swapgs
  BEFORE_SYSRET
  sysretq

  .section .entry.text.xen, "ax"
xen_syscall_target:
  XEN_LEAVES_DF
  popq %rcx
  popq %r11
  movq $USER_DS, PT_SS - PT_RIP(%rsp)
  movq $USER_CS, PT_CS - PT_RIP(%rsp)
  jmp entry_join
xen_syscall_target_end:

  CLAIM_IRQS 0, entry_SYSCALL_64, entry_SYSCALL_64_sti + 1
  CLAIM_IRQS 0, xen_syscall_target, xen_syscall_target_end
  CLAIM_IRQS 1, entry_SYSCALL_64_enabled, syscall_disable + 1

#include "Compat.h"

  .globl xen_callback_flags, design_name
  .set xen_callback_flags, 1    // CALLBACKF_mask_events
  .section .rodata
#ifndef DESIGN_NAME
#define DESIGN_NAME "complete"
#endif
design_name: .asciz DESIGN_NAME
