// nmi-repeating, fixed: an NMI between nmi_repeat and nmi_copied has nothing to do.
#include "threshold.h"
#define DESIGN_NAME "nmi-repeating, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"
#include "parts/Breakpoint.h"
#include "parts/NestedNMI.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  GATE 3, kernel_breakpoint, level=3
  THRESHOLD_START_END

nmi:
  NMI_ENTER
  int3
nmi_handled:
  NMI_EXIT
