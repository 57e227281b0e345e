// INT 0x80 lets interrupts in before SWAPGS.
//
// The handler of an interrupt that came from kernel code takes the kernel's GS base to be there, as CS says kernel. Between the STI of an
// entry and its SWAPGS it is the user's. STI keeps interrupts out for one instruction (SDM vol. 2B, "STI"), so that `sti; swapgs` would do, and
// a register saved between the two is what breaks it. No release is known that did this; trap gates for such vectors come to the same
// (int80-trap-gate).
//
// Who could reach it: any user, whenever an interrupt comes just then.
//
// What happens: nothing as long as the handler does not use GS, as this kernel's timer; a per-CPU variable is then wherever the user's base
// leads.
//
// crossing: int80
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: external-interrupt opened
// depth: 1
// invariant: interrupts-as-claimed
#include "threshold.h"
#define DESIGN_NAME "int80-opens-before-swapgs"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 0x80, system_call, level=3
  THRESHOLD_START_END

system_call:
  cld
  pushq %rax
  PUSH_REGISTERS $-ENOSYS
  sti
  movq %rsp, %rdi
opened:
  swapgs
  call do_int80
  cli
  EXIT_WORK
  POP_REGISTERS
  addq $8, %rsp
  swapgs
  jmp native_iret
