// SYSCALL leaves the user's TF set, and the kernel is single-stepped from its first instruction.
//
// SYSCALL clears the flags that IA32_FMASK names and no others (SDM vol. 2B, "SYSCALL"). With TF left out #DB comes at the kernel's first
// instruction, before GS and RSP are its own. CVE-2016-10013 (XSA-204): Xen's emulation of SYSCALL looked at TF before it had cleared it,
// and the guest's kernel met a #DB at its entry, on the user's stack.
//
// Who could reach it: any user, by POPF.
//
// What happens: here #DB has a stack of its own and asks for the base, so that the kernel survives and the user has its single step later.
// A check for crashes alone sees nothing.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: flags-tf
// path: none
// depth: 0
// invariant: flags-sanitised
#include "threshold.h"
#define DESIGN_NAME "tf-kept"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  SYSCALL_CLEARS FLAGS_IF | FLAGS_DF | FLAGS_NT | FLAGS_AC
  THRESHOLD_START_END
