// SYSRET to an address that is not canonical faults in the kernel, on the user's stack.
//
// On Intel's processors SYSRET loads RIP from RCX while it is still at privilege 0, and an address that is not canonical is its #GP there; AMD's
// fault behind it, in user mode (SDM vol. 2B, "SYSRET"; APM vol. 3, "SYSRET"). By then the exit code has given RSP and GS back. CVE-2006-0744, and again
// CVE-2012-0217 (XSA-7, FreeBSD-SA-12:04.sysret, MS12-042), CVE-2014-4699. Linux looks at the address before it decides for SYSRET: 2a23c6b8a9c4,
// "x86_64, entry: Use sysret to return to userspace when possible".
//
// Who could reach it: any user, by a signal's frame whose RIP is not canonical, whose RCX is the same and whose R11 is the flags, so that
// everything else says that SYSRET would do.
//
// What happens: the #GP is pushed where the user's RSP points. A check for crashes alone sees a dead kernel on every processor whose user
// program asks for it, and not why.
//
// crossing: sigreturn
// platform: bare-metal
// profile: intel
// posture: return-sysret-noncanonical
// path: none
// depth: 0
// invariant: clean-exit
#include "threshold.h"
#define DESIGN_NAME "sysret-noncanonical"
.purgem UNLESS_CANONICAL
.macro UNLESS_CANONICAL failed
.endm
#include "designs/complete/Entry.S"
