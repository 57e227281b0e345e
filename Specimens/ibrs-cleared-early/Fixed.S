// ibrs-cleared-early, fixed: the register is written behind the call.
#include "threshold.h"
#define DESIGN_NAME "ibrs-cleared-early, fixed"
#include "parts/Guards.h"
.purgem LEAVE_KERNEL_TABLES
.macro LEAVE_KERNEL_TABLES
  call count_exit
  RESTRICT 0
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  GUARDED_RETURN
  GUARDED_TRAPS
  THRESHOLD_START
  GUARDED_GATES
  THRESHOLD_START_END

count_exit:
  incq exits(%rip)
  ret

  .bss
exits:
  .skip 8
