// verw-by-user-rsp, fixed: the operand lies beside the code.
#include "threshold.h"
#define DESIGN_NAME "verw-by-user-rsp, fixed"
#include "parts/Guards.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  GUARDED_RETURN
  GUARDED_TRAPS
  THRESHOLD_START
  GUARDED_GATES
  THRESHOLD_START_END
