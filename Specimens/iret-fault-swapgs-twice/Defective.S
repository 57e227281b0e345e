// The exception of a faulting IRET swaps GS twice.
//
// IRET faults in the kernel where the user's frame asks for what cannot be had, and GS is the user's by then. The handler takes it for
// one of the user's own, and so swaps GS; here it does so where it knows the IRET, and again where the frame, which is the user's now, says
// so. CVE-2008-3890 (FreeBSD-SA-08:07.amd64): one SWAPGS too many after #GP, #NP or #SS of the IRET at the end of FreeBSD's kernel.
//
// Who could reach it: any user, by a signal's frame with a stack segment that does not exist.
//
// What happens: the kernel works on per-CPU data at the user's GS base, and gives the user the kernel's. A check for crashes alone sees a
// dead kernel if there is no memory at the user's base, and nothing where the user has put some there.
//
// crossing: sigreturn
// platform: bare-metal
// profile: intel, amd
// posture: return-ss-bad
// path: none
// depth: 0
// invariant: gs-owned
#include "threshold.h"
#define DESIGN_NAME "iret-fault-swapgs-twice"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 13, general_protection
  THRESHOLD_START_END

general_protection:
  testb $3, 16(%rsp)
  jnz trap_13
  cld
  PUSH_REGISTERS
  leaq native_iret(%rip), %rax
  cmpq %rax, PT_RIP(%rsp)
  jne 1f
  swapgs
  movq %rsp, %rdi
  call move_bad_iret
  movq %rax, %rsp
1:
  testb $3, PT_CS(%rsp)
  jz 2f
  swapgs
2:
  movq PER_CPU(task), %rbx
  movl $13, %esi
  movq %rsp, %rdi
  call do_trap
  jmp return_from_trap
