// nmi-user-rsp, fixed: DF tells the two apart.
#include "threshold.h"
#define DESIGN_NAME "nmi-user-rsp, fixed"
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
  NMI_EXIT
