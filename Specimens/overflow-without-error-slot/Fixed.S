// overflow-without-error-slot, fixed: it does.
#include "threshold.h"
#define DESIGN_NAME "overflow-without-error-slot, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 4, overflow, level=3
  THRESHOLD_START_END

overflow:
  cld
  pushq $0
  PUSH_REGISTERS
  movl $4, %esi
  swapgs
  jmp exception_from_user
