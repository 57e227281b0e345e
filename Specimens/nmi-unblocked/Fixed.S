// nmi-unblocked, fixed: what interrupted the NMI stack returns without IRET.
#include "threshold.h"
#define DESIGN_NAME "nmi-unblocked, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"
#include "parts/ReturnToNMI.h"

  THRESHOLD_START
  GATE 1, debug, stack=2
  GATE 18, machine_check, stack=3
  THRESHOLD_START_END

.macro HANDLER name, vector, return
\name:
  testb $3, 8(%rsp)
  jnz trap_\vector
  cld
  pushq $0
  PUSH_REGISTERS
  GS_BY_BASE
  movq %rsp, %rdi
  movl $\vector, %esi
  call do_trap
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  \return
.endm

  HANDLER debug, 1, RETURN_TO_NMI
  HANDLER machine_check, 18, RETURN_TO_NMI
