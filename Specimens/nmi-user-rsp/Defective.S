// A user points RSP at the NMI stack before SYSCALL, and an NMI there takes itself for a nested one.
//
// An NMI whose interrupted RSP is on the NMI stack has interrupted another NMI (nmi-leaving), or a user has put RSP there: between
// SYSCALL and the load of the kernel's stack it is still the user's. CVE-2015-3291; Linux 810bc075f78f, "x86/nmi/64: Use DF to avoid
// userspace RSP confusing nested NMI detection": DF is set where an NMI leaves, and SYSCALL clears it.
//
// Who could reach it: any user, who thereby has NMIs thrown away, those of a watchdog or a profiler among them.
//
// What happens: the NMI writes what is to make the first one repeat, and returns. There is no first one. The NMI is lost.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: rsp-chosen
// path: nmi entry_SYSCALL_64
// depth: 1
// invariant: interrupts-as-claimed
// unseen: no invariant asks whether an event's handler did its work; an NMI that returns at once leaves no trace
#include "threshold.h"
#define DESIGN_NAME "nmi-user-rsp"
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
  NMI_ENTER df=0
  int3
  NMI_EXIT
