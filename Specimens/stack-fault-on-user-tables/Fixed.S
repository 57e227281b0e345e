// stack-fault-on-user-tables, fixed: its gate leads to the switch first.
#include "threshold.h"
#define DESIGN_NAME "stack-fault-on-user-tables, fixed"
#include "parts/PageTables.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  ISOLATION_HANDLERS
  THRESHOLD_START
  ISOLATION_GATES
  GATE 12, isolated_12
  THRESHOLD_START_END
