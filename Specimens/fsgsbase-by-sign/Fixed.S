// fsgsbase-by-sign, fixed: the base is saved, and the kernel's loaded from where it is kept.
#include "threshold.h"
#define DESIGN_NAME "fsgsbase-by-sign, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

#define PCPU_nmis PCPU_threshold
  .globl fsgsbase
  .set fsgsbase, 1

  THRESHOLD_START
  GATE 1, debug, stack=2
  GATE 2, nmi, stack=1
  GATE 18, machine_check, stack=3
  THRESHOLD_START_END

.macro HANDLER name, vector, enter, leave
\name:
  testb $3, 8(%rsp)
  jnz trap_\vector
  cld
  pushq $0
  PUSH_REGISTERS
  \enter
  incq PER_CPU(nmis)
  movl $\vector, %esi
  movq %rsp, %rdi
  .if \vector == 2
  call do_nmi
  .else
  call do_trap
  .endif
  \leave
  POP_REGISTERS
  addq $8, %rsp
  iretq
.endm

  HANDLER debug, 1, GS_SAVED, GS_RESTORED
  HANDLER nmi, 2, GS_SAVED, GS_RESTORED
  HANDLER machine_check, 18, GS_SAVED, GS_RESTORED
