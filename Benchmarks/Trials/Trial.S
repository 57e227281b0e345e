/* Two stretches of some 20,000 instructions, each of which stores to 20 pages and keeps a checksum in RBX: what Limen, Unicorn and QEMU
   run as a trial. `calls` calls and returns, as a kernel does, every 16 instructions; `plain` does the same work without. `touch` stores once to
   each page and does no more.

   On a machine of its own it waits on COM1 for the letter of a stretch, runs it, and answers with the low byte of the checksum; to any
   other letter it answers at once.
   Each stretch begins at a symbol and ends before another; RDI, RBX and RSP are all that it needs. */

#define PAGES 20

  .section .note.Xen, "a", @note       /* XEN_ELFNOTE_PHYS32_ENTRY: 32-bit protected mode */
  .balign 4
  .long 4, 4, 18
  .asciz "Xen"
  .long start

  .text
  .code32
  .globl start
start:
  movl $directory_pointers + 3, page_map
  movl $directory + 3, directory_pointers
  movl $0x83, directory                /* a page of 2 MiB, which holds everything */
  movl $page_map, %eax
  movl %eax, %cr3
  movl $0x20, %eax                     /* CR4: PAE */
  movl %eax, %cr4
  movl $0xc0000080, %ecx               /* IA32_EFER: LME */
  xorl %edx, %edx
  movl $0x100, %eax
  wrmsr
  movl $0x80010001, %eax               /* CR0: PG, WP, PE */
  movl %eax, %cr0
  lgdt descriptor_pointer
  ljmp $8, $long_mode

  .code64
long_mode:
  movl $0x10, %eax
  movl %eax, %ss
  movl %eax, %ds
  movl %eax, %es
  .globl ready
ready:
  movl $stack, %esp
  movl $data, %edi
  xorl %ebx, %ebx
  movl $0x3fd, %edx                    /* the line status register; bit 0: there is a byte */
1:inb %dx, %al
  testb $1, %al
  jz 1b
  movl $0x3f8, %edx
  inb %dx, %al
  cmpb $'p', %al
  je plain
  cmpb $'c', %al
  je calls
answer:
  movl $0x3f8, %edx
  movb %bl, %al
  outb %al, %dx
  jmp ready

  /* A word is read, changed by what it is, and written back. */
.macro CHANGE
  movq (%rdi,%rcx,8), %rax
  testb $1, %al
  jz 2f
  addq %rbx, %rax
  jmp 3f
2:subq $5, %rax
3:movq %rax, (%rdi,%rcx,8)
.endm
  /* It goes into the checksum. */
.macro SUM
  leaq 7(%rax,%rbx), %rdx
  cmpq %rdx, %rbx
  jb 4f
  addq $3, %rdx
4:movq %rdx, %rbx
.endm
.macro STRETCH name, words, body
  .globl \name, \name\()_end
\name:
  movl $PAGES, %r8d
5:movl $\words, %ecx
6:\body
  decl %ecx
  jnz 6b
  addq $4096, %rdi
  decl %r8d
  jnz 5b
\name\()_end:
  jmp answer
.endm
.macro CALLING
  CHANGE
  pushq %rcx
  call sum
  popq %rcx
.endm
.macro TOGETHER
  CHANGE
  SUM
.endm

  STRETCH calls, 64, CALLING
  STRETCH plain, 84, TOGETHER
  STRETCH touch, 1, TOGETHER
sum:
  SUM
  ret

  .data
  .globl descriptors
descriptors:
  .quad 0
  .quad 0x00209b0000000000             /* 08: 64-bit code */
  .quad 0x0000930000000000             /* 10: data */
descriptor_pointer:
  .word . - descriptors - 1
  .quad descriptors

  .bss
  .balign 4096
page_map: .skip 4096
directory_pointers: .skip 4096
directory: .skip 4096

  .globl data, stack
data: .skip 4096 * PAGES
  .skip 4096
stack:
  .section .note.GNU-stack, "", @progbits
