// INT 0x80 copies with the user's DF still set, and over what lies below.
//
// The gate of an interrupt clears IF, TF, NT and RF, and not DF (SDM vol. 3A, "Flag Usage By Exception- or Interrupt-Handler Procedure"). Entry code
// that copies before its CLD copies backwards for a program that has set DF. The System V ABI has DF clear at every call, so C code has never
// had to look: Linux has CLD among an entry's first instructions, or in the mask of SYSCALL.
//
// Who could reach it: any user, by STD and INT 0x80. It overwrites 160 bytes of the kernel's below the copy's place.
//
// What happens: here they are a neighbour's whom nobody asks. Nothing dies, and the user sees nothing.
//
// crossing: int80
// platform: bare-metal
// profile: intel, amd
// posture: flags-df
// path: none
// depth: 0
// invariant: flags-sanitised
#include "threshold.h"
#define DESIGN_NAME "copy-backwards"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 0x80, int80, level=3
  THRESHOLD_START_END

int80:
  pushq %rax
  PUSH_REGISTERS $-ENOSYS
  swapgs
  movq %rsp, %rsi
  leaq last_call(%rip), %rdi
  movl $(PT_SIZE / 8), %ecx
  rep movsq
  cld
  sti
  movq %rsp, %rdi
  call do_int80
  jmp return_from_trap

  .bss
neighbour:
  .skip PT_SIZE
last_call:
  .skip PT_SIZE
