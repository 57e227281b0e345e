// A signal's handler finds in R12 half of the address where the kernel has its registers.
//
// As in handler-finds-frame, but the register had the lower half alone, as a 32-bit move leaves it. What an address is hidden in need not look like one:
// half of it, its distance from another, or a digest, as Linux prints pointers since 4.15 (ad67b74d2469, "printk: hash addresses printed with %p"). With
// the kernel's stack at another place the value is another one. No release is known that did this.
//
// Who could reach it: any user, by an undefined instruction: what is random of the address of a kernel's stack.
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
#define DESIGN_NAME "handler-finds-half"
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
  movl %esp, %r12d
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
