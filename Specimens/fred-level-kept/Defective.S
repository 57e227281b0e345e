// An event that FRED delivered to the kernel returns by IRET, which leaves the stack level as it is.
//
// Under FRED IRET still works inside privilege 0 (SDM vol. 2, "IRET/IRETD/IRETQ"), and pops the same five words that ERETS does, so that an
// exit path of before goes on looking right. It knows nothing of stack levels. No kernel is known to have shipped with it: Linux and Xen
// have a FRED exit of their own, and this is what is left when one path of many is forgotten.
//
// Who could reach it: nobody has to; the next NMI does.
//
// What happens: an NMI in the kernel goes to stack level 2, and its handler's IRET to the interrupted code, with level 2 still in force and
// RSP on the task's stack. ERETU is #GP on every level but 0, and so is the way back from that.
//
// crossing: syscall64
// platform: bare-metal
// profile: wildcat-lake
// posture: normal
// path: nmi fred_syscall_enabled
// depth: 1
// invariant: fred-level-restored
#include "threshold.h"
#define DESIGN_NAME "fred-level-kept"
#define FRED_KERNEL_RETURN RETURN_BY_IRET

.macro RETURN_BY_IRET
  POP_REGISTERS
  addq $8, %rsp
  iretq
.endm

#include "designs/fred/Entry.S"
