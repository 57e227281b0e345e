// A vector that nobody assigned has no gate.
//
// Where no device has a vector none will come, as long as all that sends interrupts keeps to what the kernel told it. A host need not. Without a present gate
// the interrupt is a #NP, and if it came in the kernel, that is the kernel's own. Linux has an entry for every vector, which says that it is
// spurious; how one is finished hangs on whether the local APIC has it in service (f8a8fe61fec8, "x86/irq: Seperate unused system vectors from spurious
// entry again", 5.3).
//
// Who could reach it: the host, or a device that is broken.
//
// What happens: the kernel gives up. A check for crashes alone sees it, if it raises such a vector.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: host-spurious entry_SYSCALL_64_enabled
// depth: 1
// invariant: no-kernel-death
#include "threshold.h"
#define DESIGN_NAME "host-spurious"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  THRESHOLD_START_END
