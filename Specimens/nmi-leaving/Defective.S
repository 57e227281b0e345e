// An NMI comes when another has said that it is over, and is not gone yet.
//
// The handler copies its frame away (Parts/NestedNMI.h) and keeps a word that says an NMI is under way. It clears the word before its
// IRET, so there is an instruction at which the word says no and the copy is still needed. Linux therefore asks as well whether the
// interrupted RSP is on the NMI stack: 3f3c8b8c4b2a, "x86: Add workaround to NMI iret woes"; and since a user may put RSP there, for DF:
// 810bc075f78f, CVE-2015-3291. Here the question is missing.
//
// Who could reach it: whoever makes NMIs come close together, where an exception in the first one's handler has unblocked them.
//
// What happens: the second NMI takes itself for the first, copies its own frame over the copy by which the first was about to leave, and
// returns to the first one's IRET; which returns to itself for ever.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_SYSCALL_64_enabled, nmi nmi_leaving
// depth: 2
// invariant: frame-intact
#include "threshold.h"
#define DESIGN_NAME "nmi-leaving"
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
  NMI_ENTER leaving=0
  int3
  NMI_EXIT
