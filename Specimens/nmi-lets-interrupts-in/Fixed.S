// nmi-lets-interrupts-in, fixed: interrupts stay off up to the NMI's own IRET.
#include "threshold.h"
#define DESIGN_NAME "nmi-lets-interrupts-in, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jz trap_2
  cld
  swapgs
  pushq $0
  PUSH_REGISTERS
  movq PER_CPU(top_of_stack), %rdi
  subq $PT_SIZE, %rdi
  movq %rsp, %rsi
  movl $(PT_SIZE / 8), %ecx
  rep movsq
  leaq -PT_SIZE(%rdi), %rsp
  movq %rsp, %rdi
  call do_nmi
  jmp restore_registers_and_iret
