// ud-swapgs-by-selector, fixed: by the privilege.
#include "threshold.h"
#define DESIGN_NAME "ud-swapgs-by-selector, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 6, invalid
  THRESHOLD_START_END

invalid:
  cld
  pushq $0
  PUSH_REGISTERS
  movl $6, %esi
  testb $3, PT_CS(%rsp)
  jz 1f
  swapgs
1:
  jmp exception_from_user
