// xen-undoes-frame, fixed: Xen's frame stays, and the native entry is joined behind its own.
#include "threshold.h"
#define DESIGN_NAME "xen-undoes-frame, fixed"

.purgem XEN_JOIN
.macro XEN_JOIN join, cs=USER_CS
  popq %rcx
  popq %r11
  movq $USER_DS, PT_SS - PT_RIP(%rsp)
  movq $\cs, PT_CS - PT_RIP(%rsp)
  jmp \join
.endm
#include "designs/complete/Entry.S"
