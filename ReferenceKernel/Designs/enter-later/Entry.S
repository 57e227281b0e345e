// enter-later: Xen enters where the mail draws its arrow, on the frame that Xen has already pushed. The way out is that of 2015.
//
// "can we just enter later on: pushq %r11; pushq $__USER_CS; pushq %rcx <-- Xen enters here; pushq %rax ..."; "xen_enable_syscall()
// will want to special case register_callback() to not set CALLBACKF_mask_events, as the entry point is now after re-enabling
// interrupts"; "Let's just move the ENABLE_INTERRUPTS a few instructions later even on native".
//
//     native                    Xen
//
//     ss      2b                ss      e02b
//     rsp                       rsp
//       [interrupts on: "before"]
//     rflags                    rflags
//     cs      33                cs      e033
//     rip                       rip                  <- entry_join
//     ...                       (r11, rcx popped)
//       [interrupts on: "after"]
//
// Four cells: ENABLE_BEFORE or not; CALLBACKF_mask_events (MASK_EVENTS 1 or 0).
#include "threshold.h"
#include "../2015/Hooks.h"

  .section .entry.text, "ax"
  .globl entry_SYSCALL_64, entry_join, xen_syscall_target
entry_SYSCALL_64:
  swapgs
  movq %rsp, PER_CPU(rsp_scratch)
  movq PER_CPU(top_of_stack), %rsp
  pushq $USER_DS
  pushq PER_CPU(rsp_scratch)
#ifdef ENABLE_BEFORE
entry_SYSCALL_64_sti:
  sti
entry_SYSCALL_64_enabled:
#endif
  pushq %r11
  pushq $USER_CS
  pushq %rcx
entry_join:
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
#ifndef ENABLE_BEFORE
entry_SYSCALL_64_sti:
  ENABLE_INTERRUPTS
entry_SYSCALL_64_enabled:
#endif
  CLAIM_IRQS 0, entry_SYSCALL_64, entry_SYSCALL_64_sti + 1
  CLAIM_IRQS 1, entry_SYSCALL_64_enabled, syscall_disable + 1

#include "../2015/Call64.h"
#include "../2015/Exit64.h"

  .section .entry.text.xen, "ax"
xen_syscall_target:
  XEN_LEAVES_DF
  popq %rcx
  popq %r11
  jmp entry_join

#include "../2015/Compat.h"

  .globl xen_callback_flags, design_name
  .set xen_callback_flags, MASK_EVENTS
  .section .rodata
design_name: .asciz "enter-later"
