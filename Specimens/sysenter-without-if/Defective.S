// SYSENTER's frame says that the user had interrupts off.
//
// SYSENTER has cleared IF by the time the kernel can look (SDM vol. 2B, "SYSENTER"), so the flags that its entry pushes lack it, and have to
// be given it back: Linux does so by an OR behind its PUSHF (entry_SYSENTER_compat). Here it is missing. No release is known that missed it.
//
// Who could reach it: any user; each such call leaves the processor in user mode with interrupts off.
//
// What happens: the call succeeds, and the task is not preempted any more: a loop then has the processor for itself. A check for crashes
// alone sees nothing.
//
// crossing: sysenter
// platform: bare-metal
// profile: intel
// posture: normal
// path: none
// depth: 0
// invariant: interrupts-as-claimed
#include "threshold.h"
#define DESIGN_NAME "sysenter-without-if"

.purgem PUSH_FLAGS_OF_SYSENTER
.macro PUSH_FLAGS_OF_SYSENTER
  pushfq
.endm
#include "designs/complete/Entry.S"
