// VERW finds its operand by RSP, which is the user's by then.
//
// VERW with a memory operand is what clears the buffers, and it stands behind everything else: no register is the kernel's any more, and what is reached
// through one is the user's to choose. Xen had the operand at a distance from RSP that was of another path (bab8391805): it took the word of
// the flags for the selector, and a selector of the LDT took it to a #PF. On 32-bit Linux the operand went through the user's DS, and was #GP
// (e4d210201854). Both have it beside the code now.
//
// Who could reach it: any user, by the RSP with which it calls.
//
// What happens: a page fault in the kernel, on the user's GS base and RSP.
//
// crossing: syscall64
// platform: bare-metal
// profile: skylake
// posture: rsp-zero
// path: none
// depth: 0
// invariant: rsp-owned
#include "threshold.h"
#define DESIGN_NAME "verw-by-user-rsp"
#include "parts/Guards.h"
.purgem BEFORE_SYSRET
.macro BEFORE_SYSRET
  verw 8(%rsp)
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  GUARDED_RETURN
  GUARDED_TRAPS
  THRESHOLD_START
  GUARDED_GATES
  THRESHOLD_START_END
