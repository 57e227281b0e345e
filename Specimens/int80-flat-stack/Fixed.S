// int80-flat-stack, fixed: the frame is left as it is.
#include "threshold.h"
#define DESIGN_NAME "int80-flat-stack, fixed"
#include "designs/complete/Entry.S"

  .globl user_ldt
  .set user_ldt, 1

  .text
  .globl entry_INT80
entry_INT80:
  cld
  pushq %rax
  PUSH_REGISTERS $-ENOSYS
  SWAPGS
  TRACE_IRQS_OFF
  TRACE_IRQS_ON
  ENABLE_INTERRUPTS
  movq %rsp, %rdi
  call do_int80
  jmp return_from_trap
