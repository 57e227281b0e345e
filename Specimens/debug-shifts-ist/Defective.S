// The #DB handler moves its own interrupt stack down, so that it can be entered again, and does not move it up again.
//
// An interrupt stack is entered at the same address each time. Linux let #DB nest all the same, until 5.2, by moving the pointer in the TSS
// for as long as the handler ran (shift_ist of `paranoidentry`, arch/x86/entry/entry_64.S, and Documentation/x86/kernel-stacks); others
// do so still. No release is known that forgot the way back.
//
// Who could reach it: whoever makes breakpoints be met in the kernel, again and again.
//
// What happens: the first breakpoints do no harm. Each leaves the stack a KiB lower, and the frame of the fifth falls on the guard page.
// One event a run is not enough to see a crash; that the next entry is another one is seen at once.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: debug-breakpoint entry_join
// depth: 1
// invariant: entries-kept
#include "threshold.h"
#define DESIGN_NAME "debug-shifts-ist"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#define TSS_IST2 0x2c
#define SHIFT 1024

  THRESHOLD_START
  GATE 1, debug, stack=2
  THRESHOLD_START_END

debug:
  testb $3, 8(%rsp)
  jnz trap_1
  subq $SHIFT, tss + TSS_IST2(%rip)
  pushq %rax
  xorl %eax, %eax
  movq %rax, %dr6
  popq %rax
  orl $FLAGS_RF, 16(%rsp)
  iretq
