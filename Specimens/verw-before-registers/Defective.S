// VERW overwrites the buffers before the user's registers are loaded from the kernel's stack.
//
// What is popped behind VERW passes through the same buffers again, from a stack that is the kernel's. Linux 6.9 moved VERW from C code to the last
// instruction before the return for this ("x86/bugs: Use ALTERNATIVE() instead of mds_user_clear static key"; for RFDS it must stand behind
// the registers), and Xen its own (XSA-452, CVE-2023-28746).
//
// Who could reach it: any user of a processor whose buffers can be sampled.
//
// What happens: nothing that a program could see but by sampling.
//
// crossing: syscall64
// platform: bare-metal
// profile: skylake
// posture: normal
// path: none
// depth: 0
// invariant: buffers-cleared
#include "threshold.h"
#define DESIGN_NAME "verw-before-registers"
#include "parts/Guards.h"
.purgem LEAVE_KERNEL_TABLES
.macro LEAVE_KERNEL_TABLES
  RESTRICT 0
  CLEAR_BUFFERS
.endm
.purgem BEFORE_SYSRET
.macro BEFORE_SYSRET
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  GUARDED_RETURN
  GUARDED_TRAPS
  THRESHOLD_START
  GUARDED_GATES
  THRESHOLD_START_END
