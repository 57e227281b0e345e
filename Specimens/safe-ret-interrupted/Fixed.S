// safe-ret-interrupted, fixed: what comes there finds the return made.
#include "threshold.h"
#define DESIGN_NAME "safe-ret-interrupted, fixed"
#define NO_RESTRICTION
#define UNTRAINS
#include "parts/Guards.h"
.purgem ENTER_KERNEL_TABLES
.macro ENTER_KERNEL_TABLES
  RESTRICT 1
  call counted
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"
#include "parts/SafeReturn.h"

  .text
counted:
  incq entries(%rip)
// A return that the processor predicts to stop: SRSO's safe return.
  call safe_ret
  int3
  .globl safe_ret
safe_ret:
  leaq 8(%rsp), %rsp            // five bytes
  ret
  int3

  .bss
entries:
  .skip 8

  .text
  FINISH_RETURN 1
  FINISH_RETURN 2
  FINISH_RETURN 18

  GUARDED_RETURN
  GUARDED_TRAPS
  THRESHOLD_START
  GUARDED_GATES
  GATE 2, finish_2, stack=1
  GATE 1, finish_1, stack=2
  GATE 18, finish_18, stack=3
  THRESHOLD_START_END
