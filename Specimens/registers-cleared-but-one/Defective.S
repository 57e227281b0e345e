// Every entry clears the registers, and every entry leaves R12 out.
//
// What clears them is written once, as Linux's CLEAR_REGS is (arch/x86/entry/calling.h): what is forgotten there is forgotten by all, and who compares one entry
// with another sees no difference. Linux 4.16 had begun with R8 to R15 and those that C code preserves, at SYSCALL alone (8e1eb3fa009a, "x86/entry/64: Clear
// extra registers beyond syscall arguments, to reduce speculation attack surface"). No release is known that left one of them out.
//
// Who could reach it: any user, by any system call.
//
// What happens: nothing that a program could see. Behind a branch that is predicted wrongly the kernel may use R12 as an address, and that is the user's to
// choose.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: registers-cleared
#include "threshold.h"
#define DESIGN_NAME "registers-cleared-but-one"
#include "parts/ClearedRegisters.h"

.purgem CLEAR_REGISTERS
.macro CLEAR_REGISTERS
  xorl %edi, %edi
  xorl %esi, %esi
  xorl %edx, %edx
  xorl %ecx, %ecx
  xorl %eax, %eax
  xorl %r8d, %r8d
  xorl %r9d, %r9d
  xorl %r10d, %r10d
  xorl %r11d, %r11d
  xorl %ebx, %ebx
  xorl %ebp, %ebp
  xorl %r13d, %r13d
  xorl %r14d, %r14d
  xorl %r15d, %r15d
.endm
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
  PUSH_REGISTERS $-ENOSYS
  swapgs
  sti
  movq %rsp, %rdi
  call do_int80
  jmp return_from_trap
