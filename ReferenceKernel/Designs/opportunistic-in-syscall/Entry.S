// opportunistic-in-syscall: complete, with the idea that is still open: "Maybe Xen should have its own opportunistic VGCF_IN_SYSCALL logic".
//
// Where native would take SYSRET, the hypercall is told VGCF_in_syscall: Xen goes back by SYSRET itself, and need not restore RCX, R11,
// CS and SS from the frame. It costs the kernel the test. What the user then has in CS and SS is what Xen's STAR gives, e033 and e02b,
// and not the 33 and 2b that Linux starts programs with and shows in every signal frame.
//
//     struct pt_regs, and below it what the hypercall takes
//
//     ss rsp rflags cs rip <- RSP     VGCF_in_syscall, rcx, r11, rax
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
entry_SYSCALL_64_sti:
  ENABLE_INTERRUPTS
entry_SYSCALL_64_enabled:
  movq %rsp, %rdi
  call do_syscall_64
syscall_disable:
  DISABLE_INTERRUPTS
  EXIT_WORK
  OPPORTUNISTIC_SYSRET failed=return_to_user
syscall_return_via_sysret:
  RESTORE_EXTRA_REGISTERS
  RESTORE_C_REGISTERS_EXCEPT_RCX_R11
  ALTERNATIVE "", FEATURE_XENPV, "jmp xen_return_in_syscall"
  movq PT_RSP(%rsp), %rsp
  swapgs
  sysretq

  .section .entry.text.xen, "ax"
xen_return_in_syscall:
  addq $PT_RIP, %rsp
  pushq $VGCF_in_syscall
  jmp xen_iret_flags_pushed

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

#include "../complete/Compat.h"

  .globl xen_callback_flags, design_name
  .set xen_callback_flags, 1
  .section .rodata
design_name: .asciz "opportunistic-in-syscall"
