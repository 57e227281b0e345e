// The entry makes an IBPB, and returns by what user mode has left in the return stack.
//
// A kernel may take all predictions from user mode at once, by IBPB at every entry (`retbleed=ibpb`). On processors without CPUID's IBPB_RET the barrier
// leaves the return stack alone, and the returns behind it are still predicted by the user's calls. Linux 6.12 and its stable series fill
// the stack behind it (50e4b3b94090, "x86/entry: Have entry_ibpb() invalidate return predictions").
//
// Who could reach it: any user of such a processor, where the kernel was told to use the barrier.
//
// What happens: nothing that a program could see but by time.
//
// crossing: syscall64
// platform: bare-metal
// profile: zen2
// posture: normal
// path: none
// depth: 0
// invariant: return-stack-filled
#include "threshold.h"
#define DESIGN_NAME "barrier-without-filling"
#define NO_RESTRICTION
#include "parts/Guards.h"
.purgem BEFORE_RETURNS
.macro BEFORE_RETURNS
  call barrier
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  GUARDED_RETURN
  GUARDED_TRAPS
  THRESHOLD_START
  GUARDED_GATES
  THRESHOLD_START_END

barrier:
  pushq %rax
  pushq %rcx
  pushq %rdx
  movl $0x49, %ecx              // PRED_CMD
  movl $1, %eax                 // IBPB
  xorl %edx, %edx
  wrmsr
  popq %rdx
  popq %rcx
  popq %rax
  ret
