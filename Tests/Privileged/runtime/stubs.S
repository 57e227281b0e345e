// 256 interrupt stubs, and the entry points of a case that must not disturb any register.
// Intel SDM vol. 3A, "64-Bit Mode Stack Frame": RSP is aligned to 16 before the frame is pushed, so bit 3 of RSP in the stub tells
// whether an error code was pushed, for real exceptions and INT n alike.
#include "layout.h"

  .text
  .align 16
  .globl stubs
stubs:
  .set vector, 0
  .rept 256
  .align 16
  pushq $vector
  jmp common
  .set vector, vector + 1
  .endr

  .macro SAVE
  pushq %rax
  pushq %rcx
  pushq %rdx
  pushq %rbx
  pushq %rbp
  pushq %rsi
  pushq %rdi
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  .endm

  .macro RESTORE
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rdi
  popq %rsi
  popq %rbp
  popq %rbx
  popq %rdx
  popq %rcx
  popq %rax
  .endm

common:
  testb $8, %spl
  jnz 1f
  pushq (%rsp)
  movq $-1, 8(%rsp)
1:
  SAVE
  cld
  movq %rsp, %rdi
  movq %rsp, %rbx
  andq $-16, %rsp
  call record_event
  movq %rbx, %rsp
  RESTORE
  addq $16, %rsp
  iretq

// Calls the C function in the word that follows the return address's push by the macro, preserving every register and RFLAGS.
  .globl preserve_and_call
preserve_and_call:
  // On entry: [rsp] = return address, [rsp + 8] = function, [rsp + 16] = its argument.
  pushfq
  SAVE
  cld
  movq %rsp, %rbx
  movq 16 * 8 + 8(%rbx), %rax
  movq 16 * 8 + 16(%rbx), %rdi
  andq $-16, %rsp
  call *%rax
  movq %rbx, %rsp
  RESTORE
  popfq
  ret $16
