// sysenter-without-if, fixed: the user had interrupts on, or could not have come.
#include "threshold.h"
#define DESIGN_NAME "sysenter-without-if, fixed"

.purgem PUSH_FLAGS_OF_SYSENTER
.macro PUSH_FLAGS_OF_SYSENTER
  pushfq
  orl $FLAGS_IF, (%rsp)
.endm
#include "designs/complete/Entry.S"
