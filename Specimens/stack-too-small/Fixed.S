// stack-too-small, fixed: two masks, of 64 processors each.
#include "threshold.h"
#define DESIGN_NAME "stack-too-small, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

#define MASKS 2

  THRESHOLD_START
  GATE 0x20, timer
  THRESHOLD_START_END

timer:
  pushq $0x20
  cld
  PUSH_REGISTERS
  testb $3, PT_CS(%rsp)
  jz 1f
  swapgs
1:
  movq %rsp, %rbx
  movl $MASKS, %ecx
2:
  pushq $0
  loop 2b
  movq %rbx, %rdi
  call do_interrupt
  movq %rbx, %rsp
  jmp return_from_trap
