// The signal of a #GP says that it was a page fault.
//
// The gate of vector 13 leads to the code of vector 14. The signal is the same, SIGSEGV, and all registers of the frame are right; but its
// handler is told of vector 14, and of an address in CR2 that is of some fault before. A program that emulates or grows its memory by such signals
// takes the wrong decision (sigaction(2): si_addr; struct sigcontext: trapno, err, cr2). No release is known that had it.
//
// Who could reach it: any user.
//
// What happens: nothing in the kernel.
//
// crossing: gp
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: user-state-preserved
#include "threshold.h"
#define DESIGN_NAME "signal-tells-another-fault"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 13, trap_14
  THRESHOLD_START_END
