// mov-ss-int, fixed: the base decides.
#include "threshold.h"
#define DESIGN_NAME "mov-ss-int, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

#define PCPU_breakpoints PCPU_threshold

  THRESHOLD_START
  GATE 1, debug, stack=2
  THRESHOLD_START_END

debug:
  testb $3, 8(%rsp)
  jnz trap_1
  cld
  pushq $0
  PUSH_REGISTERS
  GS_BY_BASE
  incq PER_CPU(breakpoints)
  movl $1, %esi
  movq %rsp, %rdi
  call do_trap
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  iretq
