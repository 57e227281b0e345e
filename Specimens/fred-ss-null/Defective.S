// An event of the kernel's returns with another SS than the frame has.
//
// IRET loads whatever SS its frame names; ERETS compares it with the one in force, and is #GP where they differ (SDM vol. 2A, "ERETS"). Linux let
// its first task run with SS null, as 64-bit mode allows. An interrupt of that task saved the null selector, the scheduler went to tasks
// whose SS user mode's events had loaded, and back came an ERETS that was #GP: 723edbd2ca5f, "x86/fred: Set the FRED SS". Here no tasks are needed: the
// handler leaves SS null by itself.
//
// Who could reach it: nobody has to; an interrupt does.
//
// What happens: #GP in the kernel at ERETS.
//
// crossing: syscall64
// platform: bare-metal
// profile: wildcat-lake
// posture: normal
// path: nmi fred_syscall_enabled
// depth: 1
// invariant: no-kernel-death
#include "threshold.h"
#define DESIGN_NAME "fred-ss-null"
#define FRED_IN_NMI CLEAR_SS

.macro CLEAR_SS
  xorl %eax, %eax
  movl %eax, %ss
.endm

#include "designs/fred/Entry.S"
