// The machine-check handler leaves MCG_STATUS.MCIP set.
//
// The processor sets MCIP when it raises #MC, and shuts down if another comes while it is set. The handler clears it when it is done (SDM vol. 3B,
// "Machine-Check Exception Handling"). This one returns early if what it interrupted is the kernel, and does not. Linux clears it
// at the one end that its handler has (do_machine_check, arch/x86/kernel/cpu/mce/core.c).
//
// Who could reach it: nobody at will; the second machine check of a machine that could have survived both is its end.
//
// What happens: nothing, until the next one. A check for crashes alone sees it with two machine checks, not with one.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: machine-check entry_join
// depth: 1
// invariant: interrupts-as-claimed
#include "threshold.h"
#define DESIGN_NAME "machine-check-unfinished"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

#define MCG_STATUS 0x17a

  THRESHOLD_START
  GATE 18, machine_check, stack=3
  THRESHOLD_START_END

machine_check:
  testb $3, 8(%rsp)
  jnz trap_18
  iretq
