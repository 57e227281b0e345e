// xen-nmi-opens-and-closes, fixed: they stay masked up to the iret.
#include "threshold.h"
#define DESIGN_NAME "xen-nmi-opens-and-closes, fixed"
#include "designs/complete/Entry.S"

  .section .entry.text.xen, "ax"
  .globl xen_trap_2
xen_trap_2:
  popq %rcx
  popq %r11
  cld
  pushq $0
  PUSH_REGISTERS
  movq %rsp, %rdi
  call do_nmi
  POP_REGISTERS
  addq $8, %rsp
  jmp xen_iret
