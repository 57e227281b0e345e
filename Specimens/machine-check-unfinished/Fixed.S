// machine-check-unfinished, fixed: the machine check is over.
#include "threshold.h"
#define DESIGN_NAME "machine-check-unfinished, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

#define MCG_STATUS 0x17a

  THRESHOLD_START
  GATE 18, machine_check, stack=3
  THRESHOLD_START_END

machine_check:
  testb $3, 8(%rsp)
  jnz trap_18
  pushq %rax
  pushq %rcx
  pushq %rdx
  xorl %eax, %eax
  xorl %edx, %edx
  movl $MCG_STATUS, %ecx
  wrmsr
  popq %rdx
  popq %rcx
  popq %rax
  iretq
