// SYSENTER's entry runs the loop that clears the branch history before it has dealt with the user's TF.
//
// SYSENTER leaves TF as it was (SDM vol. 2B, "SYSENTER"), so that the kernel is single-stepped until it clears the flag, for which it needs a stack. A
// handler of #DB knows those few instructions and lets them be. The loop came to be called in front of that: its steps are somewhere else, and
// Linux warned of them (ac8b270b61d4, "x86/bhi: Avoid warning in #DB handler due to BHI mitigation").
//
// Who could reach it: any user, by POPF and SYSENTER.
//
// What happens: here a step of the kernel's that nobody asked for is its end, as of a Linux that is told `panic_on_warn`.
//
// crossing: sysenter
// platform: bare-metal
// profile: raptor-lake
// posture: flags-tf
// path: none
// depth: 0
// invariant: no-kernel-death
#include "threshold.h"
#define DESIGN_NAME "history-loop-stepped"
#define NO_RESTRICTION
#define SYSENTER_CLEARS (FLAGS_TF | FLAGS_NT | FLAGS_AC)
#include "parts/Guards.h"
.purgem ENTER_KERNEL_TABLES
.macro ENTER_KERNEL_TABLES
  call clear_history
.endm
.purgem PUSH_FLAGS_OF_SYSENTER
.macro PUSH_FLAGS_OF_SYSENTER
  pushfq
  orl $FLAGS_IF, (%rsp)
  call clear_history
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  .text
// Some hundred taken branches in a row.
clear_history:
  pushq %rcx
  movl $50, %ecx
1:
  jmp 2f
2:
  decl %ecx
  jnz 1b
  popq %rcx
  ret

// A step of SYSENTER's entry is let be: it clears TF itself, and the frame keeps the user's. Other steps of the kernel's nobody asked for.
take_debug:
  testb $3, 8(%rsp)
  jnz guarded_1
  pushq %rax
  movq %dr6, %rax
  testl $0x4000, %eax           // BS
  jz 2f
  leaq entry_SYSENTER_compat(%rip), %rax
  cmpq %rax, 8(%rsp)
  jb 1f
  leaq compat_call(%rip), %rax
  cmpq %rax, 8(%rsp)
  ja 1f
  movl $0xffff0ff0, %eax
  movq %rax, %dr6
  popq %rax
  iretq
1:
  ud2
2:
  popq %rax
  jmp guarded_1

  GUARDED_RETURN
  GUARDED_TRAPS
  THRESHOLD_START
  GUARDED_GATES
  GATE 1, take_debug, stack=2
  THRESHOLD_START_END
