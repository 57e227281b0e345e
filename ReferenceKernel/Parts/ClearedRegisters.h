// Registers are cleared as soon as they are stored, at system calls and at the exceptions that programs make, on bare metal, for a threshold that
// includes this before its design: what user mode had in them is not there when C code runs. Intel, "Analyzing Potential Bounds Check Bypass
// Vulnerabilities".
//
//     #include "threshold.h"
//     #include "parts/ClearedRegisters.h"
//     #include "designs/complete/Entry.S"
//     #include "parts/Start.h"
//
//       CLEARING_TRAPS
//       THRESHOLD_START
//       CLEARING_GATES
//       THRESHOLD_START_END

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

// The kernel's own, with the registers 0 behind it.
.purgem PUSH_REGISTERS
.macro PUSH_REGISTERS rax=%rax
  pushq %rdi
  pushq %rsi
  pushq %rdx
  pushq %rcx
  pushq \rax
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
  CLEAR_REGISTERS
.endm

// The last before C code of SYSCALL and SYSENTER from 32-bit code.
.purgem ENTER_KERNEL_TABLES
.macro ENTER_KERNEL_TABLES
  CLEAR_REGISTERS
.endm

// From user mode; what comes in the kernel takes the kernel's own way.
.macro CLEARING_TRAP vector, error=0
clearing_\vector:
  testb $3, 8 + 8 * \error(%rsp)
  jz trap_\vector
  swapgs
  cld
  .if \error == 0
  pushq $0
  .endif
  PUSH_REGISTERS
  movl $\vector, %esi
  jmp exception_from_user
.endm

.macro CLEARING_TRAPS
  .text
  .irp vector, 0, 3, 6
  CLEARING_TRAP \vector
  .endr
  .irp vector, 13, 14
  CLEARING_TRAP \vector, 1
  .endr
.endm

.macro CLEARING_GATES
  .irp vector, 0, 6, 13, 14
  GATE \vector, clearing_\vector
  .endr
  GATE 3, clearing_3, level=3
.endm
