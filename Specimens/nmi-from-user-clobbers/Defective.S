// An NMI that comes from user mode loses the user's RDX.
//
// From user mode an NMI needs no stack of its own and goes on where every interrupt does; from the kernel it stays on its own. Linux does so
// since 9b6e6a8334d5, "x86/nmi/64: Switch stacks on userspace NMI entry" (CVE-2015-3290). The way over takes a register, which is saved
// first, and whose saved value belongs into struct pt_regs, not what it holds by then. No release of Linux is known that confused them.
//
// Who could reach it: nobody needs to; whatever program runs when an NMI comes has another RDX behind it.
//
// What happens: the same NMI anywhere in the kernel does no harm, and no kernel dies. It shows only where it comes from user mode.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi user
// depth: 1
// invariant: user-state-preserved
#include "threshold.h"
#define DESIGN_NAME "nmi-from-user-clobbers"
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
  pushq %rdx
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
