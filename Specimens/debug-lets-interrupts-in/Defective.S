// The #DB handler lets interrupts in whatever it interrupted.
//
// A handler that takes its time enables interrupts, as the code did that it interrupted; where that had them masked, it had a reason. Linux asks the
// interrupted flags before it does (`cond_local_irq_enable`, arch/x86/kernel/traps.c); Xen let interrupts in before CR2 was read (b06e76db7c).
//
// Who could reach it: a program that is debugged, with a breakpoint where the kernel passes with interrupts masked.
//
// What happens: nothing as long as no interrupt comes just then. One that does finds the kernel half way in: on whatever stack, with whatever GS
// base, with what is kept for one entry at a time in use.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: debug-breakpoint entry_join
// depth: 1
// invariant: interrupts-as-claimed
#include "threshold.h"
#define DESIGN_NAME "debug-lets-interrupts-in"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 1, debug, stack=2
  THRESHOLD_START_END

debug:
  testb $3, 8(%rsp)
  jnz trap_1
  orl $FLAGS_RF, 16(%rsp)
  pushq %rax
  sti
  xorl %eax, %eax
  movq %rax, %dr6
  cli
  popq %rax
  iretq
