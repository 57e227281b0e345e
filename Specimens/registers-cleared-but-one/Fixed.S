// registers-cleared-but-one, fixed: R12 is cleared with the others.
#include "threshold.h"
#define DESIGN_NAME "registers-cleared-but-one, fixed"
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
  xorl %r12d, %r12d
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
