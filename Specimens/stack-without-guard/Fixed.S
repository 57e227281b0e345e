// stack-without-guard, fixed: the NMI has a page.
#include "threshold.h"
#define DESIGN_NAME "stack-without-guard, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

#define NMI_STACK 4096
#define MASKS 128

  THRESHOLD_START
  GATE 2, nmi, stack=1
  leaq nmi_stack_top(%rip), %rax
  movq %rax, tss + 0x24(%rip)   // IST1: NMI
  subq $NMI_STACK, %rax
  movq %rax, tss + 0x34(%rip)   // IST3: #MC, right below
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jnz trap_2
  cld
  pushq $0
  PUSH_REGISTERS
  GS_BY_BASE
  movl $MASKS, %ecx
1:
  pushq $-1                     // every processor
  loop 1b
  leaq 8 * MASKS(%rsp), %rdi
  call do_nmi
  addq $(8 * MASKS), %rsp
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  iretq

  .bss
  .balign 16
machine_check_stack:
  .skip 4096
nmi_stack:
  .skip NMI_STACK
nmi_stack_top:
