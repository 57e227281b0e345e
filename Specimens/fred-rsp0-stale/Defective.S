// What the kernel remembers of IA32_FRED_RSP0 says that it need not be written, and the register has lost its value.
//
// Every event of user mode begins on the stack that the register names. A write of it is dear, so Linux writes it on the way to user mode, and
// only where a copy in memory differs from the task's stack. Taking a processor off line and on again left the register 0 and the copy as it
// was: fe85ee391966, undone in its turn by de31b3cd7063. Here a machine check's handler is what loses the register.
//
// Who could reach it: whoever may take processors off line.
//
// What happens: user mode goes on with 0 in IA32_FRED_RSP0, and its next event, of whatever kind, is a double fault.
//
// crossing: syscall64
// platform: bare-metal
// profile: wildcat-lake
// posture: normal
// path: machine-check fred_syscall_enabled
// depth: 1
// invariant: fred-stack-of-task
#include "threshold.h"
#define DESIGN_NAME "fred-rsp0-stale"
#define FRED_IN_TRAP LOSE_STACK

.macro LOSE_STACK
  cmpl $18, %esi
  jne .Lkept\@
  xorl %eax, %eax
  FRED_REGISTER 0x1cc
.Lkept\@:
.endm

#include "designs/fred/Entry.S"
