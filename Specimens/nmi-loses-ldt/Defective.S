// The NMI handler leaves LDTR empty.
//
// What loads LDTR for a while, as calls of firmware do, has to give the task its own table back. Selectors that are loaded keep their segments
// (SDM vol. 3A, "Segment Descriptor Tables in IA-32e Mode"), so that nothing is missed until the next load. No release is known that did this.
//
// Who could reach it: any program with segments of its own (modify_ldt), by itself.
//
// What happens: nothing at once. The program's next load of such a segment, or the kernel's return to one, is #GP.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_SYSCALL_64
// depth: 1
// invariant: user-state-preserved
#include "threshold.h"
#define DESIGN_NAME "nmi-loses-ldt"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  .globl user_ldt
  .set user_ldt, 1

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  pushq %rax
  pushq %rcx
  sldt %ecx
  xorl %eax, %eax
  lldt %ax
  // What must not see the task's segments.
  popq %rcx
  popq %rax
  iretq
