// iret-fault-swapgs-twice, fixed: the frame that has become the user's is not asked again.
#include "threshold.h"
#define DESIGN_NAME "iret-fault-swapgs-twice, fixed"
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
  jmp 2f
1:
  testb $3, PT_CS(%rsp)
  jz 2f
  swapgs
2:
  movq PER_CPU(task), %rbx
  movl $13, %esi
  movq %rsp, %rdi
  call do_trap
  jmp return_from_trap
