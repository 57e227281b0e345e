// The exception of a faulting IRET is handled on the user's GS base.
//
// IRET faults in the kernel where the user's frame asks for what cannot be had: CS says kernel, and GS is the user's by then. CVE-2014-9322,
// "BadIRET": Linux had #SS on an interrupt stack and on the paths for exceptions that may come anywhere, where this IRET was
// not known, and went on with the user's base. Linux 6f442be2fb22, "x86_64, traps: Stop using IST for #SS" (3.18). Here #GP is the exception, and the
// place is known, and the SWAPGS forgotten.
//
// Who could reach it: any user, by a signal's frame with a stack segment that does not exist; Linux's users, by one that is not present.
//
// What happens: the kernel works on per-CPU data at an address of the user's choice, which was made into root. A check for crashes alone sees a
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
#define DESIGN_NAME "bad-iret"
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
  movq %rsp, %rdi
  call move_bad_iret
  movq %rax, %rsp
1:
  movl $13, %esi
  movq %rsp, %rdi
  call do_trap
  jmp return_from_trap
