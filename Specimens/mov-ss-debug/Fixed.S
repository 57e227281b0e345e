// mov-ss-debug, fixed: #DB has a stack of its own.
#include "threshold.h"
#define DESIGN_NAME "mov-ss-debug, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 1, trap_1, stack=2
  THRESHOLD_START_END
