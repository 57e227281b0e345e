// #SS has a stack of its own, and its handler does not know the IRET of espfix.
//
// Linux returns to stack segments of 16 bits from a read-only page (espfix-leak). A fault of that IRET cannot be pushed there: it becomes a double
// fault, by which the kernel knows it. But where #SS has a stack of its own it can be pushed, and it was taken for one of the kernel's. A user has
// it with a segment that is not present. CVE-2014-9090; Linux 6f442be2fb22, "x86_64, traps: Stop using IST for #SS" (3.18), which closed
// CVE-2014-9322 as well.
//
// Who could reach it: any user, by modify_ldt and rt_sigreturn.
//
// What happens: the kernel gives up. A check for crashes alone sees it.
//
// crossing: sigreturn
// platform: bare-metal
// profile: intel, amd
// posture: return-ss-absent
// path: none
// depth: 0
// invariant: no-kernel-death
#include "threshold.h"
#define DESIGN_NAME "espfix-stack-fault"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Espfix.h"

  THRESHOLD_START
  ESPFIX_START
  GATE 8, espfix_double_fault, stack=4
  GATE 12, stack_fault, stack=3
  THRESHOLD_START_END

stack_fault:
  testb $3, 16(%rsp)
  jnz trap_12
  cld
  PUSH_REGISTERS
  movl $12, %esi
  movq %rsp, %rdi
  call do_trap
  ud2

  .globl native_return
native_return:
  ESPFIX_RETURN
