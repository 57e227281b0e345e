// callee-saved-exchanged, fixed: each comes from its own place.
#include "threshold.h"
#define DESIGN_NAME "callee-saved-exchanged, fixed"
#define RESTORE_EXTRA_REGISTERS RESTORE_EXTRA_REGISTERS_ANEW
.macro RESTORE_EXTRA_REGISTERS_ANEW
  movq PT_RBX(%rsp), %rbx
  movq PT_RBP(%rsp), %rbp
  movq PT_R12(%rsp), %r12
  movq PT_R13(%rsp), %r13
  movq PT_R14(%rsp), %r14
  movq PT_R15(%rsp), %r15
.endm
#include "designs/complete/Entry.S"
