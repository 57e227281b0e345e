// sysret-loses-rcx, fixed: RCX is compared.
#include "threshold.h"
#define DESIGN_NAME "sysret-loses-rcx, fixed"

.purgem OPPORTUNISTIC_SYSRET
.macro OPPORTUNISTIC_SYSRET failed
  movq PT_RIP(%rsp), %rcx
  cmpq %rcx, PT_RCX(%rsp)
  jne \failed
  UNLESS_CANONICAL \failed
  cmpq $USER_CS, PT_CS(%rsp)
  jne \failed
  movq PT_RFLAGS(%rsp), %r11
  cmpq %r11, PT_R11(%rsp)
  jne \failed
  testq $(FLAGS_RF | FLAGS_TF), %r11
  jnz \failed
  cmpq $USER_DS, PT_SS(%rsp)
  jne \failed
.endm
#include "designs/complete/Entry.S"
