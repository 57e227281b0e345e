// sysret-on-kernel-tables, fixed: it loads the user's.
#include "threshold.h"
#define DESIGN_NAME "sysret-on-kernel-tables, fixed"
#include "parts/PageTables.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  ISOLATION_HANDLERS
  THRESHOLD_START
  ISOLATION_GATES
  THRESHOLD_START_END
