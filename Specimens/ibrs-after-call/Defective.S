// The entry calls a function before it restricts branch prediction.
//
// IA32_SPEC_CTRL.IBRS is to be set before the kernel's first return: until then the RET of whatever is called may be predicted from what the user has
// trained. A call came to stand in front of it in Xen, inside a macro (XSA-429, CVE-2022-42331: CR4_PV32_RESTORE before SPEC_CTRL_ENTRY).
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
#define DESIGN_NAME "ibrs-after-call"
#include "parts/Guards.h"
.purgem ENTER_KERNEL_TABLES
.macro ENTER_KERNEL_TABLES
  call count_entry
  RESTRICT 1
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  GUARDED_RETURN
  GUARDED_TRAPS
  THRESHOLD_START
  GUARDED_GATES
  THRESHOLD_START_END

count_entry:
  incq entries(%rip)
  ret

  .bss
entries:
  .skip 8
