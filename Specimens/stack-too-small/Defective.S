// A tick's handler keeps so much on the stack that it does not fit behind a system call.
//
// An interrupt from the kernel goes on on the stack of what it interrupts, below whatever that has there. What fits when it comes from
// user mode need not fit then. Linux had variables of 512 bytes, one bit for each of 4096 processors, in several functions of a chain, and moved
// them off the stack in 2008 (cpumask_var_t); its interrupts have had a stack of their own since before. Here the tick has 7,840 bytes of them,
// and clears them, on a stack of 8 KiB with a guard page below.
//
// Who could reach it: any user, at every system call in which a tick comes.
//
// What happens: the push that leaves the stack faults, and the fault cannot be pushed either: a double fault. A check for crashes alone sees it; without
// the guard page it would see nothing.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: external-interrupt entry_SYSCALL_64_enabled
// depth: 1
// invariant: stack-bounded
#include "threshold.h"
#define DESIGN_NAME "stack-too-small"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

#define MASKS 980

  THRESHOLD_START
  GATE 0x20, timer
  THRESHOLD_START_END

timer:
  pushq $0x20
  cld
  PUSH_REGISTERS
  testb $3, PT_CS(%rsp)
  jz 1f
  swapgs
1:
  movq %rsp, %rbx
  movl $MASKS, %ecx
2:
  pushq $0
  loop 2b
  movq %rbx, %rdi
  call do_interrupt
  movq %rbx, %rsp
  jmp return_from_trap
