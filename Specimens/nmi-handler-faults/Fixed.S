// nmi-handler-faults, fixed: the page is touched once before an NMI can come by the gate.
#include "threshold.h"
#define DESIGN_NAME "nmi-handler-faults, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"
#include "parts/DemandPages.h"

  THRESHOLD_START
  GATE 14, demand_page_fault
  movb DEMAND_PAGE(0), %al
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jnz trap_2
  cld
  pushq $0
  PUSH_REGISTERS
  GS_BY_BASE
  movb DEMAND_PAGE(0), %al
nmi_handled:
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  iretq
