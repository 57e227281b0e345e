// host-masked-interrupt, fixed: the interrupt has a stack of its own.
#include "threshold.h"
#define DESIGN_NAME "host-masked-interrupt, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  THRESHOLD_START
  GATE 0x20, timer, stack=3
  THRESHOLD_START_END

timer:
  pushq $0x20
  cld
  PUSH_REGISTERS
  testb $3, PT_CS(%rsp)
  jz 1f
  swapgs
  movq PER_CPU(top_of_stack), %rdi
  subq $PT_SIZE, %rdi
  movq %rsp, %rsi
  movl $(PT_SIZE / 8), %ecx
  rep movsq
  leaq -PT_SIZE(%rdi), %rsp
  movq %rsp, %rdi
  call do_interrupt
  jmp return_from_trap
1:
  GS_BY_BASE
  movq %rsp, %rdi
  call do_interrupt
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  iretq
