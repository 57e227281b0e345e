// sysret-for-signals, fixed: what the user may have changed goes by IRET.
#include "threshold.h"
#define DESIGN_NAME "sysret-for-signals, fixed"

.macro SYSRET_FOR_SYSTEM_CALLS failed
  cmpq $15, PT_ORIG_RAX(%rsp)   // rt_sigreturn
  je \failed
  movq PT_RIP(%rsp), %rcx
  cmpq %rcx, PT_RCX(%rsp)       // a signal's handler is next
  jne \failed
  movq PT_RFLAGS(%rsp), %r11
.endm
#define OPPORTUNISTIC_SYSRET SYSRET_FOR_SYSTEM_CALLS
#include "designs/complete/Entry.S"
