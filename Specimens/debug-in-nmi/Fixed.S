// debug-in-nmi, fixed: #BP comes on the stack that every exception from user mode comes on.
#include "threshold.h"
#define DESIGN_NAME "debug-in-nmi, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 3, breakpoint, stack=0, level=3
  THRESHOLD_START_END

breakpoint:
  testb $3, 8(%rsp)
  jz trap_3
  cld
  pushq $0
  PUSH_REGISTERS
  swapgs
  movq PER_CPU(top_of_stack), %rdi
  subq $PT_SIZE, %rdi
  movq %rsp, %rsi
  movl $(PT_SIZE / 8), %ecx
  rep movsq
  leaq -PT_SIZE(%rdi), %rsp     // no sooner: a stack that RSP points to is in use for all to see
  movq %rsp, %rdi
  movl $3, %esi
  call do_trap
  jmp return_from_trap
