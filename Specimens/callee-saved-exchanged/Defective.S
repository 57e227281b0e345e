// SYSCALL's fast way back exchanges RBX and RBP.
//
// An exit path with its registers in an order of its own, instead of the one that all others take, takes two of them from each
// other's places. No release of a kernel is known that did this; any kernel with several ways back can come to it, and Linux joined its
// own one by one.
//
// Who could reach it: any user, at every system call; a kernel that is built so runs no program for long.
//
// What happens: nothing dies in the kernel, and an event makes no difference.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: user-state-preserved
#include "threshold.h"
#define DESIGN_NAME "callee-saved-exchanged"
.macro RESTORE_EXTRA_REGISTERS_EXCHANGED
  RESTORE_EXTRA_REGISTERS
  xchgq %rbx, %rbp
.endm
#define RESTORE_EXTRA_REGISTERS RESTORE_EXTRA_REGISTERS_EXCHANGED
#include "designs/complete/Entry.S"
