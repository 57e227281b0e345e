// fred-level-by-hand, fixed: the handler's breakpoint has the handler's level.
#include "threshold.h"
#define DESIGN_NAME "fred-level-by-hand, fixed"
#define FRED_IN_NMI BREAK

.macro BREAK
  int3
.endm

#include "designs/fred/Entry.S"
