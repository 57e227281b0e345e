// nmi-loses-ldt, fixed: LDTR is what it was.
#include "threshold.h"
#define DESIGN_NAME "nmi-loses-ldt, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  .globl user_ldt
  .set user_ldt, 1

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  pushq %rax
  pushq %rcx
  sldt %ecx
  xorl %eax, %eax
  lldt %ax
  // What must not see the task's segments.
  lldt %cx
  popq %rcx
  popq %rax
  iretq
