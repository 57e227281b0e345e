// safe-ret-loses-flags, fixed: LEA discards the return address, and sets no flag.
#include "threshold.h"
#define DESIGN_NAME "safe-ret-loses-flags, fixed"
.macro DISCARD_RETURN_ADDRESS
  leaq 8(%rsp), %rsp
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  call ask_whom
  jz nmi_of_kernel
  swapgs
  cld
  pushq $0
  PUSH_REGISTERS
  movl $2, %ebp
  jmp leave_interrupt_stack_swapped
nmi_of_kernel:
  cld
  pushq $0
  PUSH_REGISTERS
  GS_BY_BASE
  movq %rsp, %rdi
  call do_nmi
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  iretq

// ZF is clear where CS of the frame, behind the return address and RIP, is the user's.
ask_whom:
  testb $3, 16(%rsp)
  call safe_ret
  int3
safe_ret:
  DISCARD_RETURN_ADDRESS
  ret
  int3
