// nmi-uses-xmm, fixed: XMM0 is what it was.
#include "threshold.h"
#define DESIGN_NAME "nmi-uses-xmm, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jnz trap_2
  cld
  subq $16, %rsp
  movups %xmm0, (%rsp)
  movups 16(%rsp), %xmm0        // RIP and CS, for a log
  movups %xmm0, last_nmi(%rip)
  movups (%rsp), %xmm0
  addq $16, %rsp
  iretq

  .bss
  .balign 16
last_nmi:
  .skip 16
