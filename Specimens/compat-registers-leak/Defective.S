// A 32-bit program's system call returns with kernel memory in R8 to R15.
//
// 32-bit code has no such registers, so that its system calls neither saved nor cleared them. But a program can jump to a 64-bit code segment
// and read what is there. CVE-2009-2910: Linux until 2.6.32 left R8 to R11 as the kernel had them. Here the entry leaves slots for all eight and
// does not write them, and the way back loads them from there.
//
// Who could reach it: any user, by SYSENTER from 32-bit code and a far jump.
//
// What happens: the user reads 64 bytes of the kernel's stack at every call. Nothing dies, and an event makes no difference.
//
// crossing: sysenter
// platform: bare-metal
// profile: intel
// posture: normal
// path: none
// depth: 0
// invariant: no-leak
#include "threshold.h"
#define DESIGN_NAME "compat-registers-leak"

.purgem PUSH_ABSENT_REGISTER
.macro PUSH_ABSENT_REGISTER
  subq $8, %rsp
.endm
#include "designs/complete/Entry.S"
