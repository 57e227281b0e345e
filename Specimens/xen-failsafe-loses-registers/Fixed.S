// xen-failsafe-loses-registers, fixed: they are taken off first.
#include "threshold.h"
#define DESIGN_NAME "xen-failsafe-loses-registers, fixed"
#include "designs/complete/Entry.S"

  .text
  .globl xen_failsafe_callback
xen_failsafe_callback:
  popq %rcx
  popq %r11
  addq $32, %rsp
  cld
  pushq $0
  PUSH_REGISTERS
  jmp return_from_trap
