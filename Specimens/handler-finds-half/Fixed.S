// handler-finds-half, fixed: R12 is restored.
#include "threshold.h"
#define DESIGN_NAME "handler-finds-half, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 6, undefined
  THRESHOLD_START_END

undefined:
  testb $3, 8(%rsp)
  jz trap_6
  cld
  pushq $0
  PUSH_REGISTERS
  swapgs
  movl %esp, %r12d
  movl $6, %esi
  movq %rsp, %rdi
  call do_trap
  cli
  EXIT_WORK
  movq PT_R12(%rsp), %r12
  addq $PT_R11, %rsp
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rax
  popq %rcx
  popq %rdx
  popq %rsi
  popq %rdi
  addq $8, %rsp
  swapgs
  jmp native_iret
