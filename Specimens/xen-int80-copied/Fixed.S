// xen-int80-copied, fixed: under Xen nothing is copied.
#include "threshold.h"
#define DESIGN_NAME "xen-int80-copied, fixed"
#include "designs/complete/Entry.S"

  .section .entry.text.xen, "ax"
  .globl xen_entry_INT80
xen_entry_INT80:
  popq %rcx
  popq %r11
  cld
  jmp int80_copied
  pushq %rdi
  movq %rsp, %rdi
  movq PER_CPU(top_of_stack), %rsp
int80_copy:
  pushq 40(%rdi)        // ss
  pushq 32(%rdi)        // rsp
  pushq 24(%rdi)        // rflags
  pushq 16(%rdi)        // cs
  pushq 8(%rdi)         // rip
  movq (%rdi), %rdi
int80_copied:
  pushq %rax
  PUSH_REGISTERS $-ENOSYS
  ENABLE_INTERRUPTS
  movq %rsp, %rdi
  call do_int80
  jmp return_from_trap
