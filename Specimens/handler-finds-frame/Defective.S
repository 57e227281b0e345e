// A signal's handler finds in R12 where the kernel has its registers.
//
// What an exception answers with a signal goes on in the handler, whose registers are nobody's: those that were interrupted are in the signal's
// frame, and come from there again. So a way back that forgets one of them is right for the program that goes on, and the handler begins with what the
// kernel had. R12 has led to the frame here, as a called function preserves it. Linux gives the handler what was interrupted. No
// release is known that did this; CVE-2009-2910 and CVE-2019-5595 are registers that a system call forgot.
//
// Who could reach it: any user, by an undefined instruction: the address of a kernel's stack.
//
// What happens: nothing.
//
// crossing: ud
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: no-leak
#include "threshold.h"
#define DESIGN_NAME "handler-finds-frame"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 6, undefined
  THRESHOLD_START_END

undefined:
  testb $3, 8(%rsp)
  jz trap_6
  cld
  pushq $0
  PUSH_REGISTERS
  swapgs
  movq %rsp, %r12
  movl $6, %esi
  movq %rsp, %rdi
  call do_trap
  cli
  EXIT_WORK
  addq $PT_R11, %rsp
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rax
  popq %rcx
  popq %rdx
  popq %rsi
  popq %rdi
  addq $8, %rsp
  swapgs
  jmp native_iret
