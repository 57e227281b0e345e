// xen-undoes-frame, fixed: Xen's frame stays, and the native entry is joined behind its own.
#include "threshold.h"
#define DESIGN_NAME "xen-undoes-frame, fixed"

#define xen_syscall_target xen_syscall_of_complete
#include "designs/complete/Entry.S"
#undef xen_syscall_target

  .section .entry.text.xen, "ax"
  .globl xen_syscall_target
xen_syscall_target:
  XEN_LEAVES_DF
  popq %rcx
  popq %r11
  movq $USER_DS, PT_SS - PT_RIP(%rsp)
  movq $USER_CS, PT_CS - PT_RIP(%rsp)
  jmp entry_join
