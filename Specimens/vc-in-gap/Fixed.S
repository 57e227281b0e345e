// vc-in-gap, fixed: the fifth stack of the IST.
#include "threshold.h"
#define DESIGN_NAME "vc-in-gap, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#define TSS_IST5 0x44

  THRESHOLD_START
  leaq vc_stack_top(%rip), %rax
  movq %rax, tss + TSS_IST5(%rip)
  GATE 29, vmm_communication, stack=5
  THRESHOLD_START_END

// What it would ask the host for is not there to be asked: it needs no register, no GS, and no C. It is done with the instruction.
vmm_communication:
  addq $8, %rsp
  andl $~FLAGS_RF, 16(%rsp)
  iretq

  .section .bss.pages, "aw", @nobits
  .balign 4096
  .skip 8192
vc_stack_top:
