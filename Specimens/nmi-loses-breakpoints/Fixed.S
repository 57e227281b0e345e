// nmi-loses-breakpoints, fixed: DR7 is what it was.
#include "threshold.h"
#define DESIGN_NAME "nmi-loses-breakpoints, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  movl $0x1000, %eax
  movq %rax, %dr0
  movl $0x402, %eax             // G0: execution
  movq %rax, %dr7
  THRESHOLD_START_END

nmi:
  pushq %rax
  movq %dr7, %rax
  pushq %rax
  xorl %eax, %eax
  movq %rax, %dr7
  // What an NMI is for.
  popq %rax
  movq %rax, %dr7
  popq %rax
  iretq
