// frame-across-the-top, fixed: it ends where the stack does.
#include "threshold.h"
#define DESIGN_NAME "frame-across-the-top, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  leaq second_stack_top(%rip), %rax
  movq %rax, tss + 0x44(%rip)   // IST5
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jz trap_2
  cld
  pushq $0
  PUSH_REGISTERS
  swapgs
  leaq second_stack_top - PT_SIZE(%rip), %rdi
  movq %rsp, %rsi
  movl $(PT_SIZE / 8), %ecx
  rep movsq
  leaq -PT_SIZE(%rdi), %rsp
  movq %rsp, %rdi
  call do_nmi
  jmp restore_registers_and_iret

  .bss
  .balign 16
second_stack:
  .skip 4096
second_stack_top:
  .quad 0                       // somebody's
