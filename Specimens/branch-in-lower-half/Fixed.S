// branch-in-lower-half, fixed: the return stands in the upper half.
#include "threshold.h"
#define DESIGN_NAME "branch-in-lower-half, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

// What comes in here calls nothing of the kernel's, whose returns lie anywhere.
  .text
  .balign 64
  .skip 32
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
