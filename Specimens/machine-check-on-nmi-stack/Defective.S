// NMI and #MC have one interrupt stack.
//
// An interrupt stack is begun at its top by every event of the gates that name it (SDM vol. 3A, "Interrupt Stack Table"). Two that can come on
// top of one another need one each, and a machine check waits for no NMI to end: Linux gives NMI, #DB, #DF and #MC one each
// (Documentation/arch/x86/kernel-stacks). No release is known that had one for both.
//
// Who could reach it: nobody but hardware; machine checks that a guest's host injects.
//
// What happens: the machine check's frame lies on that of the NMI, which then returns to its own handler, for ever or until something
// breaks.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_SYSCALL_64_enabled, machine-check trap_2
// depth: 2
// invariant: frame-intact
#include "threshold.h"
#define DESIGN_NAME "machine-check-on-nmi-stack"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  THRESHOLD_START
  GATE 2, trap_2, stack=3
  THRESHOLD_START_END
