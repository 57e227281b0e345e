// untrain-after-call, fixed: the returns are untrained first.
#include "threshold.h"
#define DESIGN_NAME "untrain-after-call, fixed"
#define NO_RESTRICTION
#define UNTRAINS
#include "parts/Guards.h"
.purgem ENTER_KERNEL_TABLES
.macro ENTER_KERNEL_TABLES
  RESTRICT 1
  call count_entry
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  GUARDED_RETURN
  GUARDED_TRAPS
  THRESHOLD_START
  GUARDED_GATES
  THRESHOLD_START_END

count_entry:
  incq entries(%rip)
  ret

  .bss
entries:
  .skip 8
