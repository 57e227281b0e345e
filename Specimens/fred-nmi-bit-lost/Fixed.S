// fred-nmi-bit-lost, fixed: the selector is written, and nothing beside it.
#include "threshold.h"
#define DESIGN_NAME "fred-nmi-bit-lost, fixed"
#define FRED_KERNEL_RETURN RETURN_WITH_SS

.macro RETURN_WITH_SS
  movw $KERNEL_DS, PT_SS(%rsp)
  FRED_ERETS
.endm

#include "designs/fred/Entry.S"
