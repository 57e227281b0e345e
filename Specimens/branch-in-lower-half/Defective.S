// A handler returns from the half of a cache line in which returns may be predicted wrongly.
//
// Branches whose last byte lies in the lower half of a cache line may go where another one has been (indirect target selection, CVE-2024-28956), so that
// kernels move returns and indirect branches to thunks in the upper half. One was missed in Xen: the RET of the loop that
// clears the branch history (XSA-469).
//
// Who could reach it: any user of an affected processor.
//
// What happens: nothing that a program could see but by time.
//
// crossing: nmi
// platform: bare-metal
// profile: ice-lake
// posture: normal
// path: none
// depth: 0
// invariant: branches-aligned
#include "threshold.h"
#define DESIGN_NAME "branch-in-lower-half"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

// What comes in here calls nothing of the kernel's, whose returns lie anywhere.
  .text
  .balign 64
count_event:
  incq events(%rip)
  ret

take_nmi:
  call count_event
  iretq
take_debug:
  pushq %rax
  xorl %eax, %eax
  movq %rax, %db6
  popq %rax
  iretq
take_machine_check:
  pushq %rax
  pushq %rcx
  pushq %rdx
  movl $0x17a, %ecx             // MCG_STATUS
  xorl %eax, %eax
  xorl %edx, %edx
  wrmsr
  popq %rdx
  popq %rcx
  popq %rax
  iretq
take_timer:
  pushq %rax
  movb $0x20, %al
  outb %al, $0x20               // end of interrupt
  popq %rax
  iretq

  THRESHOLD_START
  GATE 1, take_debug, stack=2
  GATE 2, take_nmi, stack=1
  GATE 18, take_machine_check, stack=3
  GATE 0x20, take_timer
  THRESHOLD_START_END

  .bss
events:
  .skip 8
