// int80-clears-registers, fixed: what a 64-bit program had there is kept.
#include "threshold.h"
#define DESIGN_NAME "int80-clears-registers, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 0x80, int80, level=3
  THRESHOLD_START_END

int80:
  cld
  pushq %rax
  pushq %rdi
  pushq %rsi
  pushq %rdx
  pushq %rcx
  pushq $-ENOSYS
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  swapgs
  sti
  movq %rsp, %rdi
  call do_int80
  jmp return_from_trap
