// The gate of #PF is open to INT n.
//
// A gate's DPL says from which privilege INT n may use it. For #BP and #OF that is 3, as they are instructions of programs. Linux 2.4 had one
// more (set_system_gate(5, &bounds), "int3-5 can be called from all", arch/i386/kernel/traps.c), which does no harm, since #BR has no error
// code. A vector with an error code is another matter: INT n pushes none, and the handler takes one off all the same. No release is known that
// opened such a one.
//
// Who could reach it: any user, by one instruction.
//
// What happens: the handler's frame is a word short. It takes RIP for the error code, CS for RIP, and so on, and tells the kernel of a fault at
// whatever CR2 was last. A check for crashes alone sees nothing as long as nobody executes INT 0x0e.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: gates-closed
#include "threshold.h"
#define DESIGN_NAME "page-fault-gate-open"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 14, trap_14, level=3
  THRESHOLD_START_END
