// nmi-from-user-clobbers, fixed: RDX is what was saved.
#include "threshold.h"
#define DESIGN_NAME "nmi-from-user-clobbers, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jz trap_2
  cld
  pushq %rdx
  swapgs
  movq %rsp, %rdx
  movq PER_CPU(top_of_stack), %rsp
  pushq 40(%rdx)        // ss
  pushq 32(%rdx)        // rsp
  pushq 24(%rdx)        // rflags
  pushq 16(%rdx)        // cs
  pushq 8(%rdx)         // rip
  pushq $0
  pushq %rdi
  pushq %rsi
  pushq (%rdx)
  pushq %rcx
  pushq %rax
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, %rdi
  call do_nmi
  jmp restore_registers_and_iret
