// The #DB handler leaves its causes in DR6.
//
// The processor adds causes to DR6 and never takes any away; the handler must (SDM vol. 3B, "Debug Status Register (DR6)"). A handler that goes on
// behind a breakpoint in the kernel and leaves DR6 as it is makes every later #DB look like that one too. Linux reads and clears it before
// anything else, since 5.8: `debug_read_clear_dr6`, arch/x86/kernel/traps.c.
//
// Who could reach it: a program that is debugged, with a breakpoint where the kernel passes; its single steps are misread afterwards.
//
// What happens: the breakpoint itself does no harm. DR6 is not clear in user mode, and from then on no #DB can be told from it: tried
// where DR6 was not clear, every other breakpoint would count as one that hardware cannot raise.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: debug-breakpoint entry_join
// depth: 1
// invariant: interrupts-as-claimed
#include "threshold.h"
#define DESIGN_NAME "debug-status-stale"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 1, debug, stack=2
  THRESHOLD_START_END

debug:
  testb $3, 8(%rsp)
  jnz trap_1
  orl $FLAGS_RF, 16(%rsp)
  iretq
