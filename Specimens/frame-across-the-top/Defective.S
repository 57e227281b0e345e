// An NMI from user mode moves its frame to a stack without a page of its own above, a word too high.
//
// As in stack-switch-off-by-a-word, but what lies above is mapped: the frame's last word, the user's SS, takes the place of what is there. The NMI goes on
// on a second stack, as Linux has its #DB and NMI go on on others to be able to come again. No release is known that was wrong by a word.
//
// Who could reach it: nobody needs to; the first NMI that finds a user program.
//
// What happens: a word of somebody's is 0x2b from now on. A check for crashes alone sees nothing.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi user
// depth: 1
// invariant: stack-bounded
#include "threshold.h"
#define DESIGN_NAME "frame-across-the-top"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  leaq second_stack_top(%rip), %rax
  movq %rax, tss + 0x44(%rip)   // IST5
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jz trap_2
  cld
  pushq $0
  PUSH_REGISTERS
  swapgs
  leaq second_stack_top - (PT_SIZE - 8)(%rip), %rdi
  movq %rsp, %rsi
  movl $(PT_SIZE / 8), %ecx
  rep movsq
  leaq -PT_SIZE(%rdi), %rsp
  movq %rsp, %rdi
  call do_nmi
  jmp restore_registers_and_iret

  .bss
  .balign 16
second_stack:
  .skip 4096
second_stack_top:
  .quad 0                       // somebody's
