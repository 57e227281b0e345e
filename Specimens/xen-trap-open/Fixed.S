// xen-trap-open, fixed: privilege 0.
#include "threshold.h"
#define DESIGN_NAME "xen-trap-open, fixed"
#include "designs/complete/Entry.S"

// void set_trap_table(struct trap_info *): xen/include/public/xen.h. Every new task starts here; so what is done here may be done again.
  .text
  .globl return_from_fork
return_from_fork:
  ALTERNATIVE "jmp return_from_trap", FEATURE_XENPV, ""
  leaq fault_entry(%rip), %rdi
  xorl %eax, %eax
  syscall
  jmp return_from_trap

// struct trap_info: vector, flags (the privilege of INT n, and 4 to mask events), CS, address. A row of zeros is the end.
  .section .rodata
  .balign 8
fault_entry:
  .byte 13, 0 | 4
  .short 0xe033
  .long 0
  .quad xen_trap_13
  .fill 16
