// int80-opens-before-swapgs, fixed: SWAPGS comes first.
#include "threshold.h"
#define DESIGN_NAME "int80-opens-before-swapgs, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 0x80, system_call, level=3
  THRESHOLD_START_END

system_call:
  cld
  pushq %rax
  PUSH_REGISTERS $-ENOSYS
  swapgs
  sti
  movq %rsp, %rdi
opened:
  call do_int80
  cli
  EXIT_WORK
  POP_REGISTERS
  addq $8, %rsp
  swapgs
  jmp native_iret
