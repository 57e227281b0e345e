// page-fault-gate-open, fixed: privilege 0.
#include "threshold.h"
#define DESIGN_NAME "page-fault-gate-open, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 14, trap_14
  THRESHOLD_START_END
