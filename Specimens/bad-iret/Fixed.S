// bad-iret, fixed: where IRET is known to have faulted, GS is swapped.
#include "threshold.h"
#define DESIGN_NAME "bad-iret, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 13, general_protection
  THRESHOLD_START_END

general_protection:
  testb $3, 16(%rsp)
  jnz trap_13
  cld
  PUSH_REGISTERS
  leaq native_iret(%rip), %rax
  cmpq %rax, PT_RIP(%rsp)
  jne 1f
  swapgs
  movq %rsp, %rdi
  call move_bad_iret
  movq %rax, %rsp
1:
  movl $13, %esi
  movq %rsp, %rdi
  call do_trap
  jmp return_from_trap
