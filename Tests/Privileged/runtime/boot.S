// From the PVH entry point (32-bit protected mode, paging off) to 64-bit mode and `run_image`.
// Xen, "x86/HVM direct boot ABI"; Intel SDM vol. 3A, "Initializing IA-32e Mode".
#include "layout.h"

  .section .note.Xen, "a", @note
  .align 4
  .long 4, 4, 18
  .asciz "Xen"
  .long pvh_start

  .text
  .code32
  .globl pvh_start
pvh_start:
  cld
  movl $boot_stack_top, %esp
  // PML4[0] -> PDPT; PDPT[0] -> first GiB, [1] -> window, [3] -> the GiB of the local APIC. Upper levels allow everything; leaves decide.
  movl $page_pdpt + PTE_P + PTE_W + PTE_U, page_pml4
  movl $page_low + PTE_P + PTE_W + PTE_U, page_pdpt
  movl $page_window_directory + PTE_P + PTE_W + PTE_U, page_pdpt + 8
  movl $page_high + PTE_P + PTE_W + PTE_U, page_pdpt + 24
  movl $page_window + PTE_P + PTE_W + PTE_U, page_window_directory
  // The local APIC: one 2 MiB page, uncached.
  movl $LAPIC + PTE_P + PTE_W + PTE_PS + 0x18, page_high + ((LAPIC >> 21) & 511) * 8
  movl $512, %ecx
1:
  leal -1(%ecx), %eax
  shll $21, %eax
  orl $PTE_P + PTE_W + PTE_PS, %eax
  movl %eax, page_low - 8(, %ecx, 8)
  loop 1b
  movl $page_image + PTE_P + PTE_W + PTE_U, page_low + 8
  movl $0x200000, %eax
  movl $page_image, %edi
  movl $512, %ecx
2:
  movl %eax, %edx
  orl $PTE_P + PTE_W, %edx
  cmpl $user_pages_start, %eax
  jb 3f
  cmpl $user_pages_end, %eax
  jae 3f
  orl $PTE_U, %edx
3:
  movl %edx, (%edi)
  addl $8, %edi
  addl $4096, %eax
  loop 2b

  movl $0x620, %eax  // PAE, OSFXSR, OSXMMEXCPT
  movl %eax, %cr4
  movl $page_pml4, %eax
  movl %eax, %cr3
  movl $MSR_EFER, %ecx
  rdmsr
  orl $0x901, %eax  // SCE, LME, NXE
  wrmsr
  movl $0x80010033, %eax  // PG, WP, NE, ET, MP, PE
  movl %eax, %cr0
  lgdt boot_gdt_pointer
  ljmp $K_CODE64, $4f
  .code64
4:
  movl $K_DATA, %eax
  movl %eax, %ss
  xorl %eax, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %fs
  movl %eax, %gs
  fninit
  call run_image
  call finish_machine

  .section .rodata
  .align 8
boot_gdt:
  .quad 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF
boot_gdt_pointer:
  .word 23
  .long boot_gdt

  .bss
  .align 4096
  .globl page_pml4, page_pdpt, page_low, page_high, page_image, page_window_directory, page_window
page_pml4: .skip 4096
page_pdpt: .skip 4096
page_low: .skip 4096
page_high: .skip 4096
page_image: .skip 4096
page_window_directory: .skip 4096
page_window: .skip 4096
  .skip 16384
boot_stack_top:
