// An event comes between the CALL that makes a return safe and the return, and goes back there.
//
// Where return predictions can be overflowed (SRSO, AMD's Zen to Zen 4), Linux returns through a CALL whose own return address is discarded: the RET behind
// it is then predicted to stop. An event between the two runs a handler with returns of its own, and the RET is made on what they left
// (CVE-2026-68480, AMD-SB-7061). Linux 6.12.102 and 7.1.7 finish the return in the frame of the event.
//
// Who could reach it: a user with system calls while interrupts come.
//
// What happens: nothing that a program could see but by time; a few bytes a second were read so.
//
// crossing: syscall64
// platform: bare-metal
// profile: zen2
// posture: normal
// path: nmi safe_ret
// depth: 1
// invariant: defence-holds
#include "threshold.h"
#define DESIGN_NAME "safe-ret-interrupted"
#define NO_RESTRICTION
#define UNTRAINS
#include "parts/Guards.h"
.purgem ENTER_KERNEL_TABLES
.macro ENTER_KERNEL_TABLES
  RESTRICT 1
  call counted
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  .text
counted:
  incq entries(%rip)
// A return that the processor predicts to stop: SRSO's safe return.
  call safe_ret
  int3
  .globl safe_ret
safe_ret:
  leaq 8(%rsp), %rsp            // five bytes
  ret
  int3

  .bss
entries:
  .skip 8

  .text
  GUARDED_RETURN
  GUARDED_TRAPS
  THRESHOLD_START
  GUARDED_GATES
  THRESHOLD_START_END
