// nmi-returns-on-kernel-tables, fixed: what was loaded is loaded again.
#include "threshold.h"
#define DESIGN_NAME "nmi-returns-on-kernel-tables, fixed"
#include "parts/PageTables.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  ISOLATION_RETURN
  ISOLATION_TRAPS
  ISOLATION_ANYWHERE isolated_1, 1, do_trap
  ISOLATION_ANYWHERE isolated_18, 18, do_trap
  ISOLATION_ANYWHERE isolated_2, 2, do_nmi
  THRESHOLD_START
  ISOLATION_GATES
  THRESHOLD_START_END
