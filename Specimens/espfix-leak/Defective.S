// IRET to a stack segment of 16 bits leaves bits 16 to 31 of the kernel's RSP in the user's.
//
// IRET loads SP alone where the stack segment has 16 bits (SDM vol. 2A, "IRET/IRETD/IRETQ"), and what is above it stays what it was. Any program
// can have such a segment by modify_ldt. Linux forbade them (b3b42ac2cbae, "x86-64, modify_ldt: Ban 16-bit segments on 64-bit kernels", 3.15),
// and then returned to them by a stack whose address has the user's own bits there: 3891a04aafd6, "x86-64, espfix: Don't leak bits 31:16
// of %esp returning to 16-bit stack" (3.16).
//
// Who could reach it: any user, who learns where its kernel stack is.
//
// What happens: nothing dies, and an event makes no difference. Of AMD's processors the user gets the rest of RSP as well: espfix-leak-whole.
//
// crossing: sigreturn
// platform: bare-metal
// profile: intel
// posture: return-cs-32-ss-16bit
// path: none
// depth: 0
// invariant: user-state-preserved
#include "threshold.h"
#define DESIGN_NAME "espfix-leak"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Espfix.h"

  THRESHOLD_START
  ESPFIX_START
  GATE 8, espfix_double_fault, stack=4
  THRESHOLD_START_END

  .globl native_return
native_return:
  jmp native_iret
