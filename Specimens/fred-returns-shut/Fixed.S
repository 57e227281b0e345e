// fred-returns-shut, fixed: interrupts are off in the processor's flags, and on in those that the user gets back.
#include "threshold.h"
#define DESIGN_NAME "fred-returns-shut, fixed"
#define FRED_BEHIND_SYSCALL SHUT_INTERRUPTS_OUT

.macro SHUT_INTERRUPTS_OUT
  cli
.endm

#include "designs/fred/Entry.S"
