// A system call that came by FRED shuts interrupts out for its way back, and does it in the frame.
//
// ERETU loads RFLAGS from the frame, IF with the rest (FRED specification, "ERETU"). What was meant is the processor's own flag, by CLI, for the
// last look at the work. Made for this museum: no release is known that confused the two.
//
// Who could reach it: any user, by any system call. Since each one returns so, user mode has interrupts off before a crossing as behind it, and
// a comparison of the two sees nothing.
//
// What happens: the call succeeds, and the task is not preempted any more. A check for crashes alone sees nothing.
//
// crossing: syscall64
// platform: bare-metal
// profile: wildcat-lake
// posture: normal
// path: none
// depth: 0
// invariant: interrupts-as-claimed
#include "threshold.h"
#define DESIGN_NAME "fred-returns-shut"
#define FRED_BEHIND_SYSCALL SHUT_INTERRUPTS_OUT

.macro SHUT_INTERRUPTS_OUT
  andl $~FLAGS_IF, PT_RFLAGS(%rsp)
.endm

#include "designs/fred/Entry.S"
