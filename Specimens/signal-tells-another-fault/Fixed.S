// signal-tells-another-fault, fixed: the gate of vector 13 leads to its code.
#include "threshold.h"
#define DESIGN_NAME "signal-tells-another-fault, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 13, trap_13
  THRESHOLD_START_END
