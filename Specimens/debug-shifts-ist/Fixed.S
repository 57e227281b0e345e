// debug-shifts-ist, fixed: it moves it up again.
#include "threshold.h"
#define DESIGN_NAME "debug-shifts-ist, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#define TSS_IST2 0x2c
#define SHIFT 1024

  THRESHOLD_START
  GATE 1, debug, stack=2
  THRESHOLD_START_END

debug:
  testb $3, 8(%rsp)
  jnz trap_1
  subq $SHIFT, tss + TSS_IST2(%rip)
  pushq %rax
  xorl %eax, %eax
  movq %rax, %dr6
  popq %rax
  orl $FLAGS_RF, 16(%rsp)
  addq $SHIFT, tss + TSS_IST2(%rip)
  iretq
