// debug-lets-interrupts-in, fixed: interrupts are let in where they were.
#include "threshold.h"
#define DESIGN_NAME "debug-lets-interrupts-in, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 1, debug
  THRESHOLD_START_END

debug:
  testb $3, 8(%rsp)
  jnz trap_1
  orl $FLAGS_RF, 16(%rsp)
  pushq %rax
  testl $FLAGS_IF, 24(%rsp)
  jz 1f
  sti
1:
  xorl %eax, %eax
  movq %rax, %dr6
  cli
  popq %rax
  iretq
