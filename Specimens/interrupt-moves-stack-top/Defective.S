// The interrupt handler says where the kernel's stack is free, for the system call that comes next, and leaves it so.
//
// An entry loads RSP from a word that the kernel keeps for it. A handler that may be interrupted by other entries, such as one that lets a
// program's callback run, moves that word down to below its own frame, and must move it up again. No release of a kernel is known that
// did not; on a processor with FRED the word is a register, IA32_FRED_RSP0 (fred-rsp0-stale).
//
// Who could reach it: any user, as soon as an interrupt comes inside a system call.
//
// What happens: nothing in this crossing. The next one begins lower, and each interrupt inside one costs as much again, until the stack
// has no room for one.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: external-interrupt entry_SYSCALL_64_enabled
// depth: 1
// invariant: entries-kept
#include "threshold.h"
#define DESIGN_NAME "interrupt-moves-stack-top"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

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
  movq PER_CPU(top_of_stack), %rbx
  movq %rsp, PER_CPU(top_of_stack)
  movq %rsp, %rdi
  call do_interrupt
  jmp return_from_trap
