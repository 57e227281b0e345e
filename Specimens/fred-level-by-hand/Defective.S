// An NMI's handler lowers the stack level by itself while it runs on the stack of that level.
//
// Under the IDT handlers that were to be interrupted moved the pointer of their interrupt stack, or took their frame elsewhere first (Linux,
// arch/x86/entry/entry_64.S, "SUBTLE"). FRED needs neither, since an event of the same level is pushed below the one that runs. What says so
// is the level; a handler that writes it into IA32_FRED_CONFIG says that its stack is free. No kernel is known to have shipped with it.
//
// Who could reach it: nobody has to.
//
// What happens: the handler's breakpoint is pushed below it, as an event of level 0. A further event of level 2 would begin at the top
// of the stack, over the frame of the NMI.
//
// crossing: syscall64
// platform: bare-metal
// profile: wildcat-lake
// posture: normal
// path: nmi fred_syscall_enabled
// depth: 1
// invariant: fred-frame-in-stack
#include "threshold.h"
#define DESIGN_NAME "fred-level-by-hand"
#define FRED_IN_NMI LOWER_AND_BREAK

.macro LOWER_AND_BREAK
  movl $0x1d4, %ecx
  rdmsr
  andl $~3, %eax
  wrmsr
  int3
.endm

#include "designs/fred/Entry.S"
