// int80-keeps-registers, fixed: they are cleared, as everywhere.
#include "threshold.h"
#define DESIGN_NAME "int80-keeps-registers, fixed"
#include "parts/ClearedRegisters.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  CLEARING_TRAPS
  THRESHOLD_START
  CLEARING_GATES
  GATE 0x80, int80, level=3
  THRESHOLD_START_END

int80:
  cld
  pushq %rax
  PUSH_REGISTERS $-ENOSYS
  swapgs
  sti
  movq %rsp, %rdi
  call do_int80
  jmp return_from_trap
