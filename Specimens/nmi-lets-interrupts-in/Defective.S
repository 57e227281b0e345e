// The NMI handler lets interrupts in once it has left the interrupt stack.
//
// From user mode an NMI may be handled on the task's own stack, as any other trap, and there a kernel enables interrupts for whatever takes
// long. NMIs are still blocked, though, and stay so up to the next IRET, whoever executes it: that of the interrupt's handler lets the
// next NMI in. SDM vol. 3A, "Handling Multiple NMIs", asks for an interrupt gate for that reason. No release is known that did this.
//
// Who could reach it: any user that makes interrupts come; NMIs come by themselves, from profiling.
//
// What happens: nothing as long as nothing comes, nor with an interrupt there. A second NMI is handled on top of the first one, which was not made for
// it. The instruction that lets interrupts in is named without any of them.
//
// crossing: nmi
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: interrupts-as-claimed
#include "threshold.h"
#define DESIGN_NAME "nmi-lets-interrupts-in"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jz trap_2
  cld
  swapgs
  pushq $0
  PUSH_REGISTERS
  movq PER_CPU(top_of_stack), %rdi
  subq $PT_SIZE, %rdi
  movq %rsp, %rsi
  movl $(PT_SIZE / 8), %ecx
  rep movsq
  leaq -PT_SIZE(%rdi), %rsp
  sti
  movq %rsp, %rdi
  call do_nmi
  cli
  jmp restore_registers_and_iret
