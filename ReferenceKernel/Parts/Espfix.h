// Segments of 16 bits in the user's LDT, on bare metal, and a way back to them. IRET loads SP alone for a stack segment of 16 bits, and
// bits 16 to 31 of RSP stay what they were (SDM vol. 2A, "IRET/IRETD/IRETQ"). So the kernel returns to segments of the LDT from a page that is mapped, read-only, once
// every 64 KiB of 4 GiB: where bits 16 to 31 of its address are what the user is to find. Linux: 3891a04aafd6, "x86-64, espfix: Don't leak bits
// 31:16 of %esp returning to 16-bit stack".
//
//     espfix_page, from the bottom: rax, rip, cs, rflags, rsp, ss
//
//     THRESHOLD_START
//     ESPFIX_START
//     GATE 8, espfix_double_fault, stack=4
//     THRESHOLD_START_END
//
//     native_return:
//       ESPFIX_RETURN
  .globl user_ldt
  .set user_ldt, 2

#define ESPFIX_BASE 0xfffffe0000000000
#define ESPFIX_SLOT 508         // bits 39 to 47 of it
  .set image_base, 0xffffffff80000000

// One table of each level is enough: each entry of the upper three names the next one's only table. Every task's tables have the entry of
// the first, as this is what a new task starts with.
.macro ESPFIX_START
  movq %cr3, %rax
  movq $image_base, %rcx
  leaq espfix_l3 - image_base + 3, %rdx
  movq %rdx, 8 * ESPFIX_SLOT(%rcx, %rax)
  .irp index, 0, 1, 2, 3
  movq $(espfix_l2 - image_base + 3), espfix_l3 + 8 * \index(%rip)
  .endr
  leaq espfix_l1 - image_base + 3, %rdx
  xorl %eax, %eax
1:
  movq %rdx, espfix_l2(, %rax, 8)
  incl %eax
  cmpl $512, %eax
  jb 1b
  leaq espfix_page - image_base + 1, %rdx
  xorl %eax, %eax
1:
  movq %rdx, espfix_l1(, %rax, 8)
  addl $16, %eax
  cmpl $512, %eax
  jb 1b
.endm

// RSP at the frame, GS and every register the user's. A selector's bit 2 says that it is of the LDT.
.macro ESPFIX_RETURN
  testb $4, 32(%rsp)
  jz native_iret
  pushq %rax
  pushq %rdi
  leaq espfix_page(%rip), %rdi
  movq 8(%rsp), %rax
  movq %rax, (%rdi)
  movq 16(%rsp), %rax
  movq %rax, 8(%rdi)
  movq 24(%rsp), %rax
  movq %rax, 16(%rdi)
  movq 32(%rsp), %rax
  movq %rax, 24(%rdi)
  movq 48(%rsp), %rax
  movq %rax, 40(%rdi)
  movq 40(%rsp), %rax
  movq %rax, 32(%rdi)
  andl $0xffff0000, %eax
  orq espfix_base(%rip), %rax
  popq %rdi
  movq %rax, %rsp
  popq %rax
  jmp native_iret
.endm

// #DF, with its error code. A fault of that IRET could not be pushed there: it becomes the user's #GP, on the task's stack.
  .text
espfix_double_fault:
  pushq %rax
  leaq native_iret(%rip), %rax
  cmpq %rax, 16(%rsp)
  jne 1f
  movq 40(%rsp), %rax
  shrq $32, %rax
  cmpl $(ESPFIX_BASE >> 32), %eax
  jne 1f
  popq %rax
  swapgs
  movq PER_CPU(top_of_stack), %rsp
  pushq espfix_page + 40(%rip)
  pushq espfix_page + 32(%rip)
  pushq espfix_page + 24(%rip)
  pushq espfix_page + 16(%rip)
  pushq espfix_page + 8(%rip)
  pushq $0
  swapgs
  jmp trap_13                   // CS says that it came from user mode
1:
  popq %rax
  jmp trap_8

  .section .rodata
espfix_base:
  .quad ESPFIX_BASE
  .section .bss.pages, "aw", @nobits
  .balign 4096
espfix_l3:
  .skip 4096
espfix_l2:
  .skip 4096
espfix_l1:
  .skip 4096
espfix_page:
  .skip 4096
  .text
