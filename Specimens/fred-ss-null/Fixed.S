// fred-ss-null, fixed: SS is the selector that events of user mode leave, all the time.
#include "threshold.h"
#define DESIGN_NAME "fred-ss-null, fixed"
#define FRED_IN_NMI LOAD_SS

.macro LOAD_SS
  movl $KERNEL_DS, %eax
  movl %eax, %ss
.endm

#include "designs/fred/Entry.S"
