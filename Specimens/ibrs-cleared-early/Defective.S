// The exit gives IA32_SPEC_CTRL back before the kernel's last return.
//
// Between the clearing of IBRS and user mode nothing may be predicted from what the user has trained: no RET and no indirect branch. What is
// put there later, a count, a tracer, the erasing of the stack, makes one. The mirror of Xen's XSA-429, where a call came to stand in front
// of the entry's write; no release is known that did it on the way out.
//
// Who could reach it: any user of a processor whose predictors serve all privileges.
//
// What happens: nothing that a program could see but by time.
//
// crossing: syscall64
// platform: bare-metal
// profile: skylake
// posture: normal
// path: none
// depth: 0
// invariant: branches-restricted
#include "threshold.h"
#define DESIGN_NAME "ibrs-cleared-early"
#include "parts/Guards.h"
.purgem LEAVE_KERNEL_TABLES
.macro LEAVE_KERNEL_TABLES
  RESTRICT 0
  call count_exit
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  GUARDED_RETURN
  GUARDED_TRAPS
  THRESHOLD_START
  GUARDED_GATES
  THRESHOLD_START_END

count_exit:
  incq exits(%rip)
  ret

  .bss
exits:
  .skip 8
