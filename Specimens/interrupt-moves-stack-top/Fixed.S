// interrupt-moves-stack-top, fixed: the word is what it was.
#include "threshold.h"
#define DESIGN_NAME "interrupt-moves-stack-top, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

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
  movq PER_CPU(top_of_stack), %rbx
  movq %rsp, PER_CPU(top_of_stack)
  movq %rsp, %rdi
  call do_interrupt
  movq %rbx, PER_CPU(top_of_stack)
  jmp return_from_trap
