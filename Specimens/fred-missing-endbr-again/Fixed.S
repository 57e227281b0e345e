// fred-missing-endbr-again, fixed: the handler takes the wait out of the frame.
#include "threshold.h"
#define DESIGN_NAME "fred-missing-endbr-again, fixed"
#define FRED_IN_TRAP WARN_OF_MISSING_ENDBR
#define FRED_IN_NMI TRACKED_CALL

.macro WARN_OF_MISSING_ENDBR
  cmpl $21, %esi
  jne .Lanother\@
  incq missing_endbr(%rip)
  btrl $18, PT_CS(%rsp)
  jmp fred_return_kernel
.Lanother\@:
.endm

#include "TrackedCall.h"
#include "designs/fred/Entry.S"

  TRACKED_TARGET
