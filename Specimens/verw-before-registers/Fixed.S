// verw-before-registers, fixed: VERW is the last instruction before SYSRET.
#include "threshold.h"
#define DESIGN_NAME "verw-before-registers, fixed"
#include "parts/Guards.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  GUARDED_RETURN
  GUARDED_TRAPS
  THRESHOLD_START
  GUARDED_GATES
  THRESHOLD_START_END
