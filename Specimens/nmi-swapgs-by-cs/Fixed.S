// nmi-swapgs-by-cs, fixed: the base decides.
#include "threshold.h"
#define DESIGN_NAME "nmi-swapgs-by-cs, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

#define PCPU_nmis PCPU_threshold

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jnz trap_2
  cld
  pushq $0
  PUSH_REGISTERS
  GS_BY_BASE
  incq PER_CPU(nmis)
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  iretq
