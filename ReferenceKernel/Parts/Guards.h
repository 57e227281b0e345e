// Guards against speculation, on bare metal, for a threshold that includes this before its design: IBRS at every entry, VERW behind the last
// of the kernel's data and registers, a fence on both arms behind the test that decides SWAPGS. Intel, "Indirect Branch Restricted
// Speculation", "Microarchitectural Data Sampling", "Speculative Behavior of SWAPGS and Segment Registers".
//
//     #include "threshold.h"
//     #include "parts/Guards.h"
//     #include "designs/complete/Entry.S"
//     #include "parts/Start.h"
//     #include "parts/Paranoid.h"
//
//       GUARDED_RETURN
//       GUARDED_TRAPS
//       THRESHOLD_START
//       GUARDED_GATES
//       THRESHOLD_START_END
//
// A threshold for a processor that lacks IBRS defines NO_RESTRICTION first; one whose returns user mode can train, on family 17H, UNTRAINS: AMD,
// "Technical Guidance for Mitigating Branch Type Confusion".
#define MSR_SPEC_CTRL 0x48

// At every entry, before anything returns. Flags may change.
.macro BEFORE_RETURNS
#ifdef UNTRAINS
  call untrained
#endif
.endm

#ifdef UNTRAINS
  .text
// The RET is the last byte but one of a TEST, by whose execution the processor forgets that a branch stands there.
untrained:
  .byte 0xf6                    // test $0xcc, %bl
untrained_return:
  ret
  int3
  lfence
  jmp untrained_return
#endif

// No register changes; RSP is the kernel's.
.macro RESTRICT value
  .if \value
  BEFORE_RETURNS
  .endif
#ifndef NO_RESTRICTION
  pushq %rax
  pushq %rcx
  pushq %rdx
  movl $MSR_SPEC_CTRL, %ecx
  movl $\value, %eax
  xorl %edx, %edx
  wrmsr
  popq %rdx
  popq %rcx
  popq %rax
#endif
.endm

.macro CLEAR_BUFFERS
  verw verw_selector(%rip)
.endm
  .section .rodata
verw_selector: .word KERNEL_DS

.purgem ENTER_KERNEL_TABLES
.macro ENTER_KERNEL_TABLES
  RESTRICT 1
.endm
.purgem LEAVE_KERNEL_TABLES
.macro LEAVE_KERNEL_TABLES
  RESTRICT 0
.endm
.purgem BEFORE_SYSRET
.macro BEFORE_SYSRET
  CLEAR_BUFFERS
.endm

// The way to user mode by IRET, with every register the user's.
.macro GUARDED_RETURN
  .text
  .globl native_return
native_return:
  testb $3, 8(%rsp)
  jz native_iret
  RESTRICT 0
  CLEAR_BUFFERS
  jmp native_iret
.endm

// From user mode: SWAPGS and a fence, and on where every trap does; from the kernel a fence, and the kernel's own way. \user is the fence of
// the first.
.macro GUARDED_TRAP vector, error=0, user=lfence
guarded_\vector:
  testb $3, 8 + 8 * \error(%rsp)
  jz 1f
  swapgs
  \user
  RESTRICT 1
  cld
  .if \error == 0
  pushq $0
  .endif
  PUSH_REGISTERS
  movl $\vector, %esi
  jmp exception_from_user
1:
  lfence
  RESTRICT 1
  jmp trap_\vector
.endm

.macro GUARDED_TRAPS user=lfence
  .irp vector, 0, 3, 4, 5, 6, 7, 9, 16, 19
  GUARDED_TRAP \vector, 0, \user
  .endr
  .irp vector, 10, 11, 12, 13, 14, 17
  GUARDED_TRAP \vector, 1, \user
  .endr
  GUARDED_ANYWHERE 1, do_trap
  GUARDED_ANYWHERE 2, do_nmi
  GUARDED_ANYWHERE 18, do_trap
guarded_int80:
  RESTRICT 1
  jmp entry_INT80
guarded_interrupt_from_user:
  cld
  PUSH_REGISTERS
  jmp interrupt_taken
  .balign 64
guarded_interrupts:
  .set guarded_line, 0
  .rept 16
  .balign 64
  testb $3, 8(%rsp)
  jz 1f
  swapgs
  \user
  RESTRICT 1
  pushq $(0x20 + guarded_line)
  jmp guarded_interrupt_from_user
1:
  lfence
  jmp interrupt_stubs + 16 * guarded_line
  .set guarded_line, guarded_line + 1
  .endr
.endm

// NMI, #DB and #MC come anywhere, and go back to the GS and the SPEC_CTRL that they found: R14 keeps it, EBX whether GS was swapped.
.macro GUARDED_ANYWHERE vector, handler
guarded_\vector:
  testb $3, 8(%rsp)
  jz 1f
  swapgs
  lfence
  RESTRICT 1
  cld
  pushq $0
  PUSH_REGISTERS
  movl $\vector, %ebp
  jmp leave_interrupt_stack_swapped
1:
  cld
  pushq $0
  PUSH_REGISTERS
#ifndef NO_RESTRICTION
  movl $MSR_SPEC_CTRL, %ecx
  rdmsr
  movl %eax, %r14d
#endif
  RESTRICT 1
  GS_BY_BASE
  lfence
  movl $\vector, %esi
  movq %rsp, %rdi
  call \handler
  GS_BACK
#ifndef NO_RESTRICTION
  movl $MSR_SPEC_CTRL, %ecx
  movl %r14d, %eax
  xorl %edx, %edx
  wrmsr
#endif
  POP_REGISTERS
  addq $8, %rsp
  iretq
.endm

.macro GUARDED_GATES
  .irp vector, 0, 5, 6, 7, 10, 11, 12, 13, 14, 16, 17, 19
  GATE \vector, guarded_\vector
  .endr
  GATE 3, guarded_3, level=3
  GATE 4, guarded_4, level=3
  GATE 2, guarded_2, stack=1
  GATE 1, guarded_1, stack=2
  GATE 18, guarded_18, stack=3
  GATE 0x80, guarded_int80, level=3
  .set guarded_line, 0
  .rept 16
  GATE 0x20 + guarded_line, guarded_interrupts + 64 * guarded_line
  .set guarded_line, guarded_line + 1
  .endr
.endm
