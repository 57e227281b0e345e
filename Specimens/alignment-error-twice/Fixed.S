// alignment-error-twice, fixed: the processor's is enough.
#include "threshold.h"
#define DESIGN_NAME "alignment-error-twice, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 17, alignment
  THRESHOLD_START_END

alignment:
  cld
  PUSH_REGISTERS
  movl $17, %esi
  swapgs
  jmp exception_from_user
