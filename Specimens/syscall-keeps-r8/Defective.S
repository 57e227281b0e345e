// SYSCALL's fast way back does not restore R8, which a function may change.
//
// The ABI lets a called function change R8, and a kernel that takes a system call for a call need not give it back; but then it must leave nothing of
// its own there. FreeBSD restored what a caller needs and left its own values in R8 and R10, and without page-table isolation in R9: CVE-2019-5595,
// FreeBSD-SA-19:01. Here R8 has led to the user's registers meanwhile.
//
// Who could reach it: any user, at every system call: the address of a kernel's stack, which address-space randomisation was to hide.
//
// What happens: nothing. The program was told that the register may change.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: no-leak
#include "threshold.h"
#define DESIGN_NAME "syscall-keeps-r8"
.purgem RESTORE_C_REGISTERS_EXCEPT_RCX_R11
.macro RESTORE_C_REGISTERS_EXCEPT_RCX_R11
  movq %rsp, %r8
  movq PT_R10(%r8), %r10
  movq PT_R9(%r8), %r9
  movq PT_RAX(%r8), %rax
  movq PT_RDX(%r8), %rdx
  movq PT_RSI(%r8), %rsi
  movq PT_RDI(%r8), %rdi
.endm
#include "designs/complete/Entry.S"
