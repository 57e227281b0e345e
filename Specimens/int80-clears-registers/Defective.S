// INT 0x80 gives R8 to R11 back as zeros.
//
// Its entry was written for 32-bit programs, which have no such registers, and pushed zeros in their place. A 64-bit program may use
// INT 0x80 as well, and its R8 to R11 are gone, on every pass. Linux 8bb2610bc496, "x86/entry/64/compat: Preserve r8-r11 in int $0x80"
// (4.17); for 32-bit programs the zeros had mended CVE-2009-2910, where the registers kept what the kernel had left in them.
//
// Who could reach it: any 64-bit program that makes a 32-bit system call; it harms itself alone.
//
// What happens: nothing dies, and an event makes no difference. A check that compares runs with and without an event sees nothing.
//
// crossing: int80
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: user-state-preserved
#include "threshold.h"
#define DESIGN_NAME "int80-clears-registers"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
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
  pushq $0
  pushq $0
  pushq $0
  pushq $0
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
