// xen-nmi-native, fixed: the hypercall returns, and lets in the next.
#include "threshold.h"
#define DESIGN_NAME "xen-nmi-native, fixed"
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
