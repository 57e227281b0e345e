// syscall-keeps-r8, fixed: it is restored, the last of all.
#include "threshold.h"
#define DESIGN_NAME "syscall-keeps-r8, fixed"
.purgem RESTORE_C_REGISTERS_EXCEPT_RCX_R11
.macro RESTORE_C_REGISTERS_EXCEPT_RCX_R11
  movq %rsp, %r8
  movq PT_R10(%r8), %r10
  movq PT_R9(%r8), %r9
  movq PT_RAX(%r8), %rax
  movq PT_RDX(%r8), %rdx
  movq PT_RSI(%r8), %rsi
  movq PT_RDI(%r8), %rdi
  movq PT_R8(%r8), %r8
.endm
#include "designs/complete/Entry.S"
