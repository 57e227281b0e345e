// nmi-user-rsp, fixed: DF tells the two apart.
#include "threshold.h"
#define DESIGN_NAME "nmi-user-rsp, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"
#include "parts/Breakpoint.h"
#include "parts/NestedNMI.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  GATE 3, kernel_breakpoint, level=3
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jnz trap_2
  NMI_FIRST
  NMI_IF_COPYING
  NMI_IF_UNDER_WAY
  NMI_IF_LEAVING
  NMI_COPY
  pushq $0
  PUSH_REGISTERS
  GS_BY_BASE
  int3
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  NMI_LEAVE
  NMI_NESTED
