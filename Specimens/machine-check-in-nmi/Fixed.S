// machine-check-in-nmi, fixed: the base decides.
#include "threshold.h"
#define DESIGN_NAME "machine-check-in-nmi, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

#define PCPU_machine_checks PCPU_threshold

  THRESHOLD_START
  GATE 18, machine_check, stack=3
  THRESHOLD_START_END

machine_check:
  testb $3, 8(%rsp)
  jnz trap_18
  cld
  pushq $0
  PUSH_REGISTERS
  GS_BY_BASE
  incq PER_CPU(machine_checks)
  movq %rsp, %rdi
  movl $18, %esi
  call do_trap
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  iretq
