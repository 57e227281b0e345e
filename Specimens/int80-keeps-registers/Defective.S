// INT 0x80 works with the user's values in the registers.
//
// Against Spectre's first variant Linux 4.16 began to clear registers at its entries, as soon as they were stored: first at SYSCALL (8e1eb3fa009a,
// "x86/entry/64: Clear extra registers beyond syscall arguments, to reduce speculation attack surface"), then at exceptions and interrupts, last at
// INT 0x80, SYSENTER and SYSCALL of 32-bit code (6b8cf5cc9965, "x86/entry/64/compat: Clear registers for compat syscalls, to reduce speculation attack
// surface"). Who cared for one entry had the others left.
//
// Who could reach it: any user, by INT 0x80.
//
// What happens: nothing that a program could see. Behind a branch that is predicted wrongly the system call may use what it finds in a register as an
// address, and that is the user's to choose.
//
// crossing: int80
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: registers-cleared
#include "threshold.h"
#define DESIGN_NAME "int80-keeps-registers"
#include "parts/ClearedRegisters.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  CLEARING_TRAPS
  THRESHOLD_START
  CLEARING_GATES
  GATE 0x80, int80, level=3
  THRESHOLD_START_END

int80:
  cld
  pushq %rax
  pushq %rdi
  pushq %rsi
  pushq %rdx
  pushq %rcx
  pushq $-ENOSYS
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  swapgs
  sti
  movq %rsp, %rdi
  call do_int80
  jmp return_from_trap
