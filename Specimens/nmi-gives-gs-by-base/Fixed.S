// nmi-gives-gs-by-base, fixed: it gives it back as it took it.
#include "threshold.h"
#define DESIGN_NAME "nmi-gives-gs-by-base, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

.macro GIVE_GS_BACK
  swapgs
.endm

nmi:
  testb $3, 8(%rsp)
  jnz trap_2
  cld
  pushq $0
  PUSH_REGISTERS
  xorl %ebx, %ebx
  movl $0xc0000101, %ecx
  rdmsr
  testl %edx, %edx
  js 1f
  movl %eax, %r12d
  movl %edx, %r13d
  swapgs
  incl %ebx
1:
  movq %rsp, %rdi
  call do_nmi
  testl %ebx, %ebx
  jz 2f
  GIVE_GS_BACK
2:
  POP_REGISTERS
  addq $8, %rsp
  iretq
