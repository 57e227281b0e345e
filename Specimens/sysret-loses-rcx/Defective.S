// SYSRET where RCX is not the address that it returns to.
//
// SYSRET takes RIP from RCX, so a task whose RCX is to be anything else needs IRET. A return that was made ready by a signal's frame, or by a
// debugger, has any RCX. Linux compares the two before it decides for SYSRET (2a23c6b8a9c4, "x86_64, entry: Use sysret to return to userspace when
// possible"); here the comparison is missing, and everything else is looked at. No release is known that missed it.
//
// Who could reach it: any user; it harms the program that a signal interrupted between two system calls.
//
// What happens: RCX is RIP. Nothing else is wrong.
//
// crossing: sigreturn
// platform: bare-metal
// profile: intel, amd
// posture: return-sysret-rcx
// path: none
// depth: 0
// invariant: user-state-preserved
#include "threshold.h"
#define DESIGN_NAME "sysret-loses-rcx"

.purgem OPPORTUNISTIC_SYSRET
.macro OPPORTUNISTIC_SYSRET failed
  movq PT_RIP(%rsp), %rcx
  UNLESS_CANONICAL \failed
  cmpq $USER_CS, PT_CS(%rsp)
  jne \failed
  movq PT_RFLAGS(%rsp), %r11
  cmpq %r11, PT_R11(%rsp)
  jne \failed
  testq $(FLAGS_RF | FLAGS_TF), %r11
  jnz \failed
  cmpq $USER_DS, PT_SS(%rsp)
  jne \failed
.endm
#include "designs/complete/Entry.S"
