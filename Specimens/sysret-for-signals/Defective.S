// SYSRET leads back from rt_sigreturn too, to whatever address the frame names.
//
// SYSRET was the way back of every system call, as its RCX holds where SYSCALL came from. It does not where somebody has changed RIP
// meanwhile: a tracer, or the program itself by rt_sigreturn. An address that is not canonical is then #GP at privilege 0 on Intel's
// processors, on the user's RSP and GS base (SDM vol. 2B, "SYSRET"). CVE-2006-0744: Linux 2.6.16.5 leaves by IRET whenever the user could
// have changed RIP.
//
// Who could reach it: any user with a signal's frame of its own making. RCX and R11, besides, are lost at every return from a signal.
//
// What happens: the #GP is pushed where the user's RSP points. A check for crashes alone sees a dead kernel on Intel's processors, and
// nothing on AMD's.
//
// crossing: sigreturn
// platform: bare-metal
// profile: intel
// posture: return-rip-noncanonical
// path: none
// depth: 0
// invariant: clean-exit
#include "threshold.h"
#define DESIGN_NAME "sysret-for-signals"

.macro SYSRET_FOR_SYSTEM_CALLS failed
  movq PT_RIP(%rsp), %rcx
  movq PT_RFLAGS(%rsp), %r11
.endm
#define OPPORTUNISTIC_SYSRET SYSRET_FOR_SYSTEM_CALLS
#include "designs/complete/Entry.S"
