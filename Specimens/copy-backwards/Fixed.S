// copy-backwards, fixed: DF is cleared before the copy.
#include "threshold.h"
#define DESIGN_NAME "copy-backwards, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 0x80, int80, level=3
  THRESHOLD_START_END

int80:
  cld
  pushq %rax
  PUSH_REGISTERS $-ENOSYS
  swapgs
  movq %rsp, %rsi
  leaq last_call(%rip), %rdi
  movl $(PT_SIZE / 8), %ecx
  rep movsq
  sti
  movq %rsp, %rdi
  call do_int80
  jmp return_from_trap

  .bss
neighbour:
  .skip PT_SIZE
last_call:
  .skip PT_SIZE
