// SYSRET takes a 32-bit call back to whatever the frame says, in 32-bit code.
//
// SYSRET loads CS from IA32_STAR, a 32-bit one for a return to compatibility mode, and RIP from RCX (SDM vol. 2B, "SYSRET"). A call in which a signal
// became due goes on in the signal's handler, which may be 64-bit code elsewhere: Linux returns so only to the vDSO's landing pad and with the
// selectors of 32-bit code (`do_fast_syscall_32`, arch/x86/entry/common.c, since 4.4). No release is known that left the two tests out.
//
// Who could reach it: any 64-bit program that makes 32-bit calls and has a signal's handler, by itself.
//
// What happens: the first instructions of the handler are executed as 32-bit code, which is other code.
//
// crossing: sysenter
// platform: bare-metal
// profile: intel
// posture: alarm-due
// path: external-interrupt do_fast_syscall_32
// depth: 1
// invariant: user-state-preserved
#include "threshold.h"
#define DESIGN_NAME "sysretl-for-signals"
.macro SYSRETL_UNLESS_TRACED failed
  testl $(FLAGS_RF | FLAGS_TF), PT_RFLAGS(%rsp)
  jnz \failed
.endm
#define OPPORTUNISTIC_SYSRETL SYSRETL_UNLESS_TRACED
#include "designs/complete/Entry.S"
