// An NMI from user mode copies its frame to the task's stack a word too high.
//
// From user mode an NMI goes on on the task's stack (nmi-from-user-clobbers), and its frame belongs at the very top of it. Here it ends a word
// above: the word is the next stack's, or nobody's. Linux has left gaps there for what needs room (TOP_OF_KERNEL_STACK_PADDING), which hide such
// a mistake. No release is known that made it.
//
// Who could reach it: nobody needs to; the first NMI that finds a user program.
//
// What happens: above each stack lies the guard page of the next one, and the copy faults in the NMI's handler. A check for crashes alone
// sees it; without guard pages it would see nothing.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi user
// depth: 1
// invariant: no-kernel-death
#include "threshold.h"
#define DESIGN_NAME "stack-switch-off-by-a-word"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jz trap_2
  cld
  pushq $0
  PUSH_REGISTERS
  swapgs
  movq PER_CPU(top_of_stack), %rdi
  subq $(PT_SIZE - 8), %rdi
  movq %rsp, %rsi
  movl $(PT_SIZE / 8), %ecx
  rep movsq
  leaq -PT_SIZE(%rdi), %rsp
  movq %rsp, %rdi
  call do_nmi
  jmp restore_registers_and_iret
