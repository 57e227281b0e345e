// sysret-noncanonical, fixed: an address that is not canonical goes by IRET, whose fault is the user's.
#include "threshold.h"
#define DESIGN_NAME "sysret-noncanonical, fixed"
#define OPPORTUNISTIC_SYSRET OPPORTUNISTIC_SYSRET_ANEW
.macro OPPORTUNISTIC_SYSRET_ANEW failed
  movq PT_RIP(%rsp), %rcx
  cmpq %rcx, PT_RCX(%rsp)
  jne \failed
  movq %rcx, %r11
  shlq $16, %r11
  sarq $16, %r11
  cmpq %rcx, %r11
  jne \failed
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
