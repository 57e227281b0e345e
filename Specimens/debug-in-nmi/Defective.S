// #DB in an NMI takes the stack that #BP, which the NMI interrupted, is on.
//
// Linux had #BP and #DB on one interrupt stack. An interrupt stack is entered at its top each time (SDM vol. 3A, "Interrupt Stack
// Table"), so an exception of either kind in the handler of the other writes over its frame; an NMI in between is a way there, as its
// own stack hides that one is in use. Linux loaded another IDT in an NMI that had interrupted that stack (debug_stack_set_zero in
// arch/x86/kernel/nmi.c), and in 2018 took #BP off it: d8ba61ba58c8, "x86/entry/64: Don't use IST entry for #BP stack", for CVE-2018-8897,
// where what comes in between is not an NMI but a #DB that MOV SS has put off.
//
// Who could reach it: a user who executes INT3 while NMIs come, if a breakpoint is set on what an NMI's handler executes or reads (perf
// copies the user's stack in an NMI; ptrace sets watchpoints).
//
// What happens: #BP copies a frame that is not its own, and returns into the NMI's handler on no stack of its.
//
// crossing: bp
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi breakpoint, debug-breakpoint do_nmi
// depth: 2
// invariant: frame-intact
#include "threshold.h"
#define DESIGN_NAME "debug-in-nmi"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 3, breakpoint, stack=2, level=3
  THRESHOLD_START_END

breakpoint:
  testb $3, 8(%rsp)
  jz trap_3
  cld
  pushq $0
  PUSH_REGISTERS
  swapgs
  movq PER_CPU(top_of_stack), %rdi
  subq $PT_SIZE, %rdi
  movq %rsp, %rsi
  movl $(PT_SIZE / 8), %ecx
  rep movsq
  leaq -PT_SIZE(%rdi), %rsp     // no sooner: a stack that RSP points to is in use for all to see
  movq %rsp, %rdi
  movl $3, %esi
  call do_trap
  jmp return_from_trap
