// espfix-leak-whole, fixed: by a stack whose address has the user's bits there.
#include "threshold.h"
#define DESIGN_NAME "espfix-leak-whole, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Espfix.h"

  THRESHOLD_START
  ESPFIX_START
  GATE 8, espfix_double_fault, stack=4
  THRESHOLD_START_END

  .globl native_return
native_return:
  ESPFIX_RETURN
