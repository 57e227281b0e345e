// exit-with-interrupts-on, fixed: they are off before the look at what is left to do.
#include "threshold.h"
#define DESIGN_NAME "exit-with-interrupts-on, fixed"

.purgem DISABLE_INTERRUPTS
.macro DISABLE_INTERRUPTS
  cli
.endm
#include "designs/complete/Entry.S"
