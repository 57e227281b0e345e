// An NMI returns into the kernel without IRET, and NMIs stay blocked.
//
// IRET is slow, and within the kernel POPF and RET do as well, but for one thing: IRET alone unblocks NMIs (SDM vol. 3A, "Handling Multiple
// NMIs"). Whoever returns from interrupts by RET must leave NMIs out. Linux has never done it; it was proposed in 2014, with NMIs left out.
// For what interrupts an NMI the same property is a virtue: nmi-unblocked, fixed.
//
// Who could reach it: nobody needs to; the first NMI in a system call that leaves by SYSRET is the last until some IRET.
//
// What happens: user mode runs with NMIs blocked. Neither the watchdog nor the profiler comes through. A check for crashes alone sees nothing.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_join
// depth: 1
// invariant: interrupts-as-claimed
#include "threshold.h"
#define DESIGN_NAME "nmi-returns-by-ret"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/ReturnToNMI.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jnz trap_2
  cld
  // What an NMI is for.
  RETURN_WITHOUT_IRET
