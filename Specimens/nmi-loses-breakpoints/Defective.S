// An NMI switches the task's breakpoints off and not on again.
//
// A handler that must not be interrupted by breakpoints clears DR7 and puts back what was there at its end (SDM vol. 3B, "Debug Control
// Register (DR7)"; Linux arch/x86/include/asm/debugreg.h, `local_db_save`, `local_db_restore`, around every NMI since 5.8). Here the second half is
// missing. No release of Linux is known that left it out.
//
// The task has a breakpoint at an address that it never executes, as its debugger would have set it.
//
// Who could reach it: nobody needs to; a task that is debugged runs past its breakpoints once an NMI has come.
//
// What happens: every register, flag and byte of memory is as it was. A check that looks at these alone sees nothing.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_join
// depth: 1
// invariant: user-state-preserved
#include "threshold.h"
#define DESIGN_NAME "nmi-loses-breakpoints"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  movl $0x1000, %eax
  movq %rax, %dr0
  movl $0x402, %eax             // G0: execution
  movq %rax, %dr7
  THRESHOLD_START_END

nmi:
  pushq %rax
  movq %dr7, %rax
  pushq %rax
  xorl %eax, %eax
  movq %rax, %dr7
  // What an NMI is for.
  popq %rax
  popq %rax
  iretq
