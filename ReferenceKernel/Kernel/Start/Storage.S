// The kernel's data at fixed places: stacks, tables, the pages it hands out, and the 32-bit page that user mode returns through.
#include "../threshold.h"

  .macro PAGES name, count=1
  .globl \name
\name: .skip 4096 * \count
  .endm

  .section .bss.pages, "aw", @nobits
  .balign 4096
  PAGES percpu
  PAGES gdt                     // whole, as Xen types it
  PAGES idt
  PAGES ldt
  PAGES tss
  PAGES shared_page             // Xen's shared_info is mapped here
  PAGES scratch                 // arguments of hypercalls, the console's line
  PAGES kernel_stacks, 12       // for each of four tasks a guard page and two more
  PAGES interrupt_stacks, 8     // NMI, #DB, #MC, #DF: a guard page and one more
  .skip 4096
  .globl sysenter_stack_top
sysenter_stack_top:
  .balign 4096
  .globl entry_end
entry_end:                      // from percpu to here user mode's page tables have everything: Parts/PageTables.h
  PAGES arena, 1024
  .globl arena_end
arena_end:

  .bss
  .balign 16
  .globl tasks, kernel
tasks: .skip 4 * 4096
kernel: .skip 128

// What a design without a name is called.
  .section .rodata
  .weak design_name
design_name: .asciz "without a name"

// Where each vector enters: on bare metal, and under Xen.
  .balign 8
  .globl trap_table
trap_table:
  .irp vector, 0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 16, 17, 18, 19
  .quad \vector, trap_\vector, xen_trap_\vector
  .endr
  .quad 8, trap_8, 0
  .quad -1

// What Linux's 32-bit vDSO has behind its SYSENTER and SYSCALL: the caller has pushed ECX, EDX and EBP.
  .balign 4096
  .globl vdso32
  .code32
vdso32:
  popl %ebp
  popl %edx
  popl %ecx
  ret
  .balign 4096, 0xcc
  .code64
