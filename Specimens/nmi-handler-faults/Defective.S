// An NMI's handler touches memory that is not mapped yet; the page fault's return lets the next NMI in over the first one's frame.
//
// What Linux maps by vmalloc, modules among it, got into each process's page tables when it was first touched there, by a page fault. A
// callback of the NMI handler may be in a module. Jan Beulich, "i386: actively synchronize vmalloc area when registering certain
// callbacks", 22 February 2006: nested faults must not happen in an NMI, since their IRET unblocks NMIs. The mend was to map before the
// callback is registered.
//
// Who could reach it: whoever makes the machine send NMIs (a profiler's counters) from a process whose tables lack the page.
//
// What happens: the second NMI's frame is pushed where the first one's lies, and the first returns into its own middle.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_SYSCALL_64_enabled, nmi nmi_handled
// depth: 2
// invariant: frame-intact
#include "threshold.h"
#define DESIGN_NAME "nmi-handler-faults"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"
#include "parts/DemandPages.h"

  THRESHOLD_START
  GATE 14, demand_page_fault
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jnz trap_2
  cld
  pushq $0
  PUSH_REGISTERS
  GS_BY_BASE
  movb DEMAND_PAGE(0), %al
nmi_handled:
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  iretq
