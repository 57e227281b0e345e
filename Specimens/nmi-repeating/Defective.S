// An NMI comes when another begins once more, and is taken for the first.
//
// A nested NMI makes the first one go to nmi_repeat when it leaves (Parts/NestedNMI.h). It gets there by IRET: NMIs are unblocked, the word
// that says an NMI is under way is still clear, and so is DF. What tells an NMI that comes there is RIP, and RIP alone. Linux asks for
// it, and since 2015 before all else ("x86/nmi/64: Reorder nested NMI checks"). Here the question is missing.
//
// Who could reach it: whoever makes NMIs come close together, three of them.
//
// What happens: the third NMI copies its frame over both copies, so that what the first interrupted is lost, and returns to nmi_repeat,
// which from then on repeats itself.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_SYSCALL_64_enabled, nmi nmi_handled, nmi nmi_repeat
// depth: 3
// invariant: frame-intact
#include "threshold.h"
#define DESIGN_NAME "nmi-repeating"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"
#include "parts/Breakpoint.h"
#include "parts/NestedNMI.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  GATE 3, kernel_breakpoint, level=3
  THRESHOLD_START_END

nmi:
  NMI_ENTER copying=0
  int3
nmi_handled:
  NMI_EXIT
