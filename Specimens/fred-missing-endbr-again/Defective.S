// A handler of #CP that only warns returns to the instruction at which ENDBR64 is missing, and the frame still says that it is waited for.
//
// Under the IDT the handler's own ENDBR64 ends the wait, and IRET leads back to code that nobody asks any more. FRED keeps the wait in
// the frame, bit 18 of the word with CS, and ERETS gives it back, so that the same #CP is raised there again. Linux 6.9 to 6.12 did so
// where it was told to go on behind a missing ENDBR64, by `ibt=warn` and in the test that it makes at boot (dc81e556f2a0, "x86/fred: Clear
// WFE in missing-ENDBRANCH #CPs").
//
// Who could reach it: whoever makes the kernel take an indirect branch to a place without ENDBR64.
//
// What happens: #CP without end. A check for crashes sees a machine that hangs.
//
// Branches are tracked here around one call of the NMI's handler alone, since the rest of the reference kernel is compiled without ENDBR64.
//
// crossing: syscall64
// platform: bare-metal
// profile: wildcat-lake
// posture: normal
// path: nmi fred_syscall_enabled
// depth: 1
// invariant: progress
#include "threshold.h"
#define DESIGN_NAME "fred-missing-endbr-again"
#define FRED_IN_TRAP WARN_OF_MISSING_ENDBR
#define FRED_IN_NMI TRACKED_CALL

.macro WARN_OF_MISSING_ENDBR
  cmpl $21, %esi
  jne .Lanother\@
  incq missing_endbr(%rip)
  jmp fred_return_kernel
.Lanother\@:
.endm

#include "TrackedCall.h"
#include "designs/fred/Entry.S"

  TRACKED_TARGET
