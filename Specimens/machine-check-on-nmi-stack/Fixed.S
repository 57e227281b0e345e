// machine-check-on-nmi-stack, fixed: each has its own.
#include "threshold.h"
#define DESIGN_NAME "machine-check-on-nmi-stack, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  THRESHOLD_START
  GATE 2, trap_2, stack=1
  THRESHOLD_START_END
