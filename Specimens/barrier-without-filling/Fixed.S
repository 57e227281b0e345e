// barrier-without-filling, fixed: 32 calls that nothing returns to follow.
#include "threshold.h"
#define DESIGN_NAME "barrier-without-filling, fixed"
#define NO_RESTRICTION
#include "parts/Guards.h"
.purgem BEFORE_RETURNS
.macro BEFORE_RETURNS
  call barrier
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  GUARDED_RETURN
  GUARDED_TRAPS
  THRESHOLD_START
  GUARDED_GATES
  THRESHOLD_START_END

barrier:
  pushq %rax
  pushq %rcx
  pushq %rdx
  movl $0x49, %ecx              // PRED_CMD
  movl $1, %eax                 // IBPB
  xorl %edx, %edx
  wrmsr
  movl $16, %eax
1:
  call 2f
  int3
2:
  call 3f
  int3
3:
  addq $16, %rsp
  decl %eax
  jnz 1b
  lfence
  popq %rdx
  popq %rcx
  popq %rax
  ret
