// nmi-clobbers-cr2, fixed: the NMI leaves CR2 as it found it.
#include "threshold.h"
#define DESIGN_NAME "nmi-clobbers-cr2, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"
#include "parts/DemandPages.h"
#include "parts/NestedNMI.h"

  THRESHOLD_START
  GATE 14, demand_page_fault
  GATE 2, nmi, stack=1
  GATE 0x20, timer
  THRESHOLD_START_END

nmi:
  NMI_ENTER
  movq %cr2, %r12
  movb DEMAND_PAGE(1), %al
  movq %r12, %cr2
  NMI_EXIT

timer:
  pushq $0x20
  cld
  PUSH_REGISTERS
  testb $3, PT_CS(%rsp)
  jz 1f
  swapgs
1:
  movb DEMAND_PAGE(0), %al
  FORGET_DEMAND_PAGE 0
  movq %rsp, %rdi
  call do_interrupt
  jmp return_from_trap
