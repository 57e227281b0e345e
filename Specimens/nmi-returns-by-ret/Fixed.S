// nmi-returns-by-ret, fixed: by IRET.
#include "threshold.h"
#define DESIGN_NAME "nmi-returns-by-ret, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jnz trap_2
  cld
  // What an NMI is for.
  iretq
