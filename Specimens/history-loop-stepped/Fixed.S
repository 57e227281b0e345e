// history-loop-stepped, fixed: the loop runs where TF is clear.
#include "threshold.h"
#define DESIGN_NAME "history-loop-stepped, fixed"
#define NO_RESTRICTION
#define SYSENTER_CLEARS (FLAGS_TF | FLAGS_NT | FLAGS_AC)
#include "parts/Guards.h"
.purgem ENTER_KERNEL_TABLES
.macro ENTER_KERNEL_TABLES
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
