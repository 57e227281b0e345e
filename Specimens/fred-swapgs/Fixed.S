// fred-swapgs, fixed: the register is asked that has the base.
#include "threshold.h"
#define DESIGN_NAME "fred-swapgs, fixed"
#define FRED_IN_NMI LOOK_AT_GS

.macro LOOK_AT_GS
  movl $0xc0000102, %ecx        // KERNEL_GS_BASE
  rdmsr
.endm

#include "designs/fred/Entry.S"
