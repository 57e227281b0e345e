// An NMI's handler reads the user's GS base as it did under the IDT: by SWAPGS, a read and SWAPGS.
//
// With CR4.FRED set SWAPGS is #UD (SDM vol. 2B, "SWAPGS"): delivery exchanges the bases, and what may be asked is IA32_KERNEL_GS_BASE. Xen's code
// that prints the registers of a crash kept the old way (3ff1030ea7), so that the #UD printed a crash, which was #UD again, and so on.
//
// Who could reach it: nobody has to; the next event does.
//
// What happens: the handler's own #UD, in the kernel.
//
// crossing: syscall64
// platform: bare-metal
// profile: wildcat-lake
// posture: normal
// path: nmi fred_syscall_enabled
// depth: 1
// invariant: no-kernel-death
#include "threshold.h"
#define DESIGN_NAME "fred-swapgs"
#define FRED_IN_NMI LOOK_AT_GS

.macro LOOK_AT_GS
  swapgs
  rdgsbase %rax
  swapgs
.endm

#include "designs/fred/Entry.S"
