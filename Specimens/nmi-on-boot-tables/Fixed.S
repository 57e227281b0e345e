// nmi-on-boot-tables, fixed: the task's tables have all of the kernel too.
#include "threshold.h"
#define DESIGN_NAME "nmi-on-boot-tables, fixed"
#include "parts/PageTables.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  ISOLATION_RETURN
  ISOLATION_TRAPS
  ISOLATION_ANYWHERE isolated_1, 1, do_trap
  ISOLATION_ANYWHERE isolated_18, 18, do_trap
  ISOLATION_ANYWHERE isolated_2, 2, read_task
  THRESHOLD_START
  ISOLATION_GATES
  THRESHOLD_START_END

read_task:
  movq PER_CPU(task), %rax
  ret
