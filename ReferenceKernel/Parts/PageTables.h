// Page tables of user mode's own, on bare metal: they have the kernel's code and constants, descriptor tables and stacks, and nothing else of
// it (Kernel/KernelSpace.swift). A threshold that includes this before its design has page-table isolation. SDM vol. 3A, "Paging", "Control
// Registers" (CR3); Linux Documentation/arch/x86/pti.rst.
//
//     #include "threshold.h"
//     #include "parts/PageTables.h"
//     #include "designs/complete/Entry.S"
//     #include "parts/Start.h"
//     #include "parts/Paranoid.h"
//
//       ISOLATION_HANDLERS        // or handlers of its own under these names
//       THRESHOLD_START
//       ISOLATION_GATES
//       THRESHOLD_START_END
//
// There is one processor, so that its variables have an address that does not hang on GS.
  .globl page_table_isolation
  .set page_table_isolation, 1
  .set pcpu_kernel_cr3, PCPU_kernel_cr3
  .set pcpu_user_cr3, PCPU_user_cr3

.purgem ENTER_KERNEL_TABLES
.macro ENTER_KERNEL_TABLES
  movq PER_CPU(kernel_cr3), %rax
  movq %rax, %cr3
.endm
.purgem LEAVE_KERNEL_TABLES
.macro LEAVE_KERNEL_TABLES
  movq PER_CPU(user_cr3), %rax
  movq %rax, %cr3
.endm

.macro LOAD_TABLES which
  pushq %rax
  movq percpu + pcpu_\which\()_cr3(%rip), %rax
  movq %rax, %cr3
  popq %rax
.endm

// The way to user mode by IRET, from a frame that both tables have.
.macro ISOLATION_RETURN
  .text
  .globl native_return
native_return:
  testb $3, 8(%rsp)
  jz native_iret
  LOAD_TABLES user
  jmp native_iret
.endm

// What comes from user mode, or from the kernel on its own tables; or an IRET that faulted on the user's, and then goes on as if it came
// from user mode.
.macro ISOLATION_TRAPS
  .irp vector, 0, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 16, 17, 19
isolated_\vector:
  LOAD_TABLES kernel
  jmp trap_\vector
  .endr
isolated_8:
  LOAD_TABLES kernel
  jmp trap_8
isolated_int80:
  LOAD_TABLES kernel
  jmp entry_INT80
isolated_interrupts:
  .set isolated_line, 0
  .rept 16
  .balign 32
  LOAD_TABLES kernel
  jmp interrupt_stubs + 16 * isolated_line
  .set isolated_line, isolated_line + 1
  .endr
.endm

// NMI, #DB and #MC come anywhere: on either tables, and go back to the same. R14 keeps which. Whoever says `save` or `restore` is 0
// makes a specimen of it.
.macro ISOLATION_ANYWHERE name, vector, handler, save=1, restore=1
\name:
  testb $3, 8(%rsp)
  jz 1f
  LOAD_TABLES kernel
  jmp trap_\vector
1:
  cld
  pushq $0
  PUSH_REGISTERS
  .if \save
  movq %cr3, %r14
  movq percpu + PCPU_kernel_cr3(%rip), %rax
  movq %rax, %cr3
  .endif
  GS_BY_BASE
  movl $\vector, %esi
  movq %rsp, %rdi
  call \handler
  GS_BACK
  .if \save && \restore
  movq %r14, %cr3
  .endif
  POP_REGISTERS
  addq $8, %rsp
  iretq
.endm
.macro ISOLATION_HANDLERS
  ISOLATION_RETURN
  ISOLATION_TRAPS
  ISOLATION_ANYWHERE isolated_2, 2, do_nmi
  ISOLATION_ANYWHERE isolated_1, 1, do_trap
  ISOLATION_ANYWHERE isolated_18, 18, do_trap
.endm

.macro ISOLATION_GATES
  .irp vector, 0, 5, 6, 7, 10, 11, 12, 13, 14, 16, 17, 19
  GATE \vector, isolated_\vector
  .endr
  GATE 3, isolated_3, level=3
  GATE 4, isolated_4, level=3
  GATE 2, isolated_2, stack=1
  GATE 1, isolated_1, stack=2
  GATE 18, isolated_18, stack=3
  GATE 8, isolated_8, stack=4
  GATE 0x80, isolated_int80, level=3
  .set isolated_line, 0
  .rept 16
  GATE 0x20 + isolated_line, isolated_interrupts + 32 * isolated_line
  .set isolated_line, isolated_line + 1
  .endr
.endm
