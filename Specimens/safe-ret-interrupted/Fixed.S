// safe-ret-interrupted, fixed: what comes there finds the return made.
#include "threshold.h"
#define DESIGN_NAME "safe-ret-interrupted, fixed"
.purgem ENTER_KERNEL_TABLES
.macro ENTER_KERNEL_TABLES
  call counted
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  .text
counted:
  incq entries(%rip)
// A return that the processor predicts to stop: SRSO's safe return.
  call safe_ret
  int3
  .globl safe_ret
safe_ret:
  leaq 8(%rsp), %rsp            // five bytes
  ret
  int3

  .bss
entries:
  .skip 8

  .text
.macro FINISH_RETURN vector
finish_\vector:
  testb $3, 8(%rsp)
  jnz trap_\vector
  pushq %rax
  pushq %rcx
  movq 40(%rsp), %rcx           // the RSP that was interrupted
  leaq safe_ret(%rip), %rax
  cmpq %rax, 16(%rsp)
  jne 1f
  addq $8, %rcx
  jmp 2f
1:
  addq $5, %rax
  cmpq %rax, 16(%rsp)
  jne 3f
2:
  movq (%rcx), %rax
  movq %rax, 16(%rsp)
  addq $8, %rcx
  movq %rcx, 40(%rsp)
3:
  popq %rcx
  popq %rax
  jmp trap_\vector
.endm
  FINISH_RETURN 1
  FINISH_RETURN 2
  FINISH_RETURN 18

  THRESHOLD_START
  GATE 2, finish_2, stack=1
  GATE 1, finish_1, stack=2
  GATE 18, finish_18, stack=3
  THRESHOLD_START_END
