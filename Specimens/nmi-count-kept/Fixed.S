// nmi-count-kept, fixed: it counts down on both ways back.
#include "threshold.h"
#define DESIGN_NAME "nmi-count-kept, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jnz nmi_from_user
  cld
  pushq $0
  PUSH_REGISTERS
  GS_BY_BASE
  incl PER_CPU(threshold)
  movq %rsp, %rdi
  call do_nmi
  decl PER_CPU(threshold)
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  iretq
nmi_from_user:
  swapgs
  cld
  pushq $0
  PUSH_REGISTERS
  incl PER_CPU(threshold)
  movq %rsp, %rdi
  call do_nmi
  decl PER_CPU(threshold)
  jmp restore_registers_and_iret
