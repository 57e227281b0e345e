// A breakpoint in the kernel is met again and again, as its handler does not set RF.
//
// An instruction breakpoint is a fault: #DB comes before the instruction, with RF clear in the frame, and IRET goes back to the instruction. RF set
// in the frame lets it be executed once (SDM vol. 3B, "Instruction-Breakpoint Exception Condition"). Linux leaves it to whoever set the
// breakpoint (hw_breakpoint_handler, arch/x86/kernel/hw_breakpoint.c, ends with `regs->flags |= X86_EFLAGS_RF`); here nobody does. No
// release is known that missed it.
//
// Who could reach it: whoever may set a breakpoint on the kernel's code, that is root; or a kernel that lets a user's in by mistake.
//
// What happens: the processor goes between the instruction and the handler for ever. Nothing dies; a watchdog might see it.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: debug-breakpoint entry_join
// depth: 1
// invariant: progress
// unseen: the breakpoint that is injected is met once, whether RF is set behind it or not
#include "threshold.h"
#define DESIGN_NAME "debug-without-rf"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 1, debug, stack=2
  THRESHOLD_START_END

debug:
  testb $3, 8(%rsp)
  jnz trap_1
  pushq %rax
  xorl %eax, %eax
  movq %rax, %dr6
  popq %rax
  iretq
