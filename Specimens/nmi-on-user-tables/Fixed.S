// nmi-on-user-tables, fixed: it loads the kernel's, and puts back what it found.
#include "threshold.h"
#define DESIGN_NAME "nmi-on-user-tables, fixed"
#include "parts/PageTables.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  ISOLATION_RETURN
  ISOLATION_TRAPS
  ISOLATION_ANYWHERE isolated_1, 1, do_trap
  ISOLATION_ANYWHERE isolated_18, 18, do_trap
  ISOLATION_ANYWHERE isolated_2, 2, count_nmi
  THRESHOLD_START
  ISOLATION_GATES
  THRESHOLD_START_END

count_nmi:
  incq nmis(%rip)
  ret

  .bss
nmis:
  .skip 8
