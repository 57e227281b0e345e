// debug-lets-interrupts-in, fixed: interrupts stay off.
#include "threshold.h"
#define DESIGN_NAME "debug-lets-interrupts-in, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 1, debug, stack=2
  THRESHOLD_START_END

debug:
  testb $3, 8(%rsp)
  jnz trap_1
  orl $FLAGS_RF, 16(%rsp)
  pushq %rax
  xorl %eax, %eax
  movq %rax, %dr6
  popq %rax
  iretq
