// xen-builds-frame-anew, fixed: the hypercall takes the frame that is there.
#include "threshold.h"
#define DESIGN_NAME "xen-builds-frame-anew, fixed"

.macro EXIT_WORK_AND_HOOK
  EXIT_WORK
  ALTERNATIVE "", FEATURE_XENPV, "jmp xen_leave"
.endm
#define EXIT_WORK EXIT_WORK_AND_HOOK
#include "designs/complete/Entry.S"

  .section .entry.text.xen, "ax"
xen_leave:
  OPPORTUNISTIC_SYSRET failed=return_to_user
  RESTORE_EXTRA_REGISTERS
  RESTORE_C_REGISTERS_EXCEPT_RCX_R11
  addq $PT_RIP, %rsp
  jmp xen_iret
