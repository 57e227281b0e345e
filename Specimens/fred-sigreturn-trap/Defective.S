// rt_sigreturn goes back to a program that is to be single-stepped, with the mark of its own SYSCALL still in the frame.
//
// The mark lets ERETU make up for the trap of the SYSCALL, which came before any trap could. Linux until 6.16 kept it in the frame that
// rt_sigreturn fills with the user's saved state: a SIGTRAP handler without a debugger, which lets TF set in that state, was entered
// anew before its program executed an instruction, for ever. e34dbbc85d64, "x86/fred/signal: Prevent immediate repeat of single step trap
// on return from SIGTRAP handler".
//
// Who could reach it: any program that sets its own TF.
//
// What happens: SYSCALL was executed with TF clear, rt_sigreturn loads flags with TF set, and ERETU delivers a #DB before the first
// instruction.
//
// crossing: sigreturn
// platform: bare-metal
// profile: wildcat-lake
// posture: return-flags-tf
// path: none
// depth: 0
// invariant: fred-software-event
#include "threshold.h"
#define DESIGN_NAME "fred-sigreturn-trap"
#define FRED_BEHIND_SYSCALL KEEP_MARK

// What a kernel does that writes the selector alone.
.macro KEEP_MARK
  orl $0x20000, PT_SS(%rsp)
.endm

#include "designs/fred/Entry.S"
