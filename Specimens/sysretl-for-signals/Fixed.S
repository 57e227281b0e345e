// sysretl-for-signals, fixed: where the handler goes on, IRET leads.
#include "threshold.h"
#define DESIGN_NAME "sysretl-for-signals, fixed"
.macro SYSRETL_UNLESS_TRACED failed
  testl $(FLAGS_RF | FLAGS_TF), PT_RFLAGS(%rsp)
  jnz \failed
  cmpq $USER32_CS, PT_CS(%rsp)
  jne \failed
  cmpq $VDSO32, PT_RIP(%rsp)
  jne \failed
.endm
#define OPPORTUNISTIC_SYSRETL SYSRETL_UNLESS_TRACED
#include "designs/complete/Entry.S"
