// The language of snippets: code that a case enters in user or kernel mode. It lies in the user window, which both modes map. The build
// lists every SNIPPET, ONE and ONE32; Swift finds the code at code_NAME().
#include "layout.h"

  .macro SNIPPET name:req
  .section .user, "ax"
  .code64
  .balign 64, 0xCC
  .globl code_\name
code_\name:
  .endm

// Ends the case: an INT that both modes may execute.
  .macro END
  int $FINISH
  .endm

// A snippet of one instruction, in 64-bit and in 32-bit code.
  .macro ONE name:req, instruction:vararg
  SNIPPET \name
  \instruction
  END
  .endm

  .macro ONE32 name:req, instruction:vararg
  SNIPPET \name
  .code32
  \instruction
  END
  .code64
  .endm

// A hypercall of at most two arguments, in kernel mode. RAX is its answer.
  .macro HYPERCALL number:req, first=$0, second=$0, third=$0
  movq \first, %rdi
  movq \second, %rsi
  movq \third, %rdx
  movl $\number, %eax
  syscall
  .endm
