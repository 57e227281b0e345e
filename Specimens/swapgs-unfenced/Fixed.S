// swapgs-unfenced, fixed: LFENCE behind SWAPGS.
#include "threshold.h"
#define DESIGN_NAME "swapgs-unfenced, fixed"
#define NO_RESTRICTION
#include "parts/Guards.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  GUARDED_RETURN
  GUARDED_TRAPS
  THRESHOLD_START
  GUARDED_GATES
  THRESHOLD_START_END
