// 4-level paging: every permission against every kind of access, error codes and CR2, the accessed and dirty flags, large pages,
// reserved bits, accesses that cross pages, and the invalidations that must take effect.
// Intel SDM vol. 3A, "Determination of Access Rights", "Page-Fault Exceptions", "Accessed and Dirty Flags", "4-Level Paging and
// 5-Level Paging"; vol. 1, "Canonical Addressing".
#include "case.h"

  .set P, PTE_P
  .set PW, PTE_P | PTE_W
  .set PU, PTE_P | PTE_U
  .set PWU, PTE_P | PTE_W | PTE_U
  .set NX, 1 << 63

  // One access to page 1 of the window. `setup` runs after the page is mapped.
  .macro KERNEL_ACCESS name, flags, setup, instruction:vararg
  CASE "\name"
  MAP 1, \flags
  \setup
  AT
  \instruction
  RESULT
  CALL_C put_entry_use, $page_window+8
  ENDLINE
  .endm
  .macro USER_ACCESS name, flags, setup, instruction:vararg
  CASE "\name"
  MAP 1, \flags
  \setup
  USER64
  \instruction
  LEAVE
  RESULT
  CALL_C put_entry_use, $page_window+8
  ENDLINE
  .endm
  .macro SIX prefix, flags, setup
  KERNEL_ACCESS "\prefix-kernel-read", \flags, "\setup", movl (%rbx), %eax
  KERNEL_ACCESS "\prefix-kernel-write", \flags, "\setup", movl %eax, (%rbx)
  KERNEL_ACCESS "\prefix-kernel-fetch", \flags, "\setup", jmp *%rbx
  USER_ACCESS "\prefix-user-read", \flags, "\setup", movl (%rbx), %eax
  USER_ACCESS "\prefix-user-write", \flags, "\setup", movl %eax, (%rbx)
  USER_ACCESS "\prefix-user-fetch", \flags, "\setup", jmp *%rbx
  .endm
  .macro ALL prefix, setup
  SIX "\prefix-absent", 0, "\setup"
  SIX "\prefix-s-ro", P, "\setup"
  SIX "\prefix-s-rw", PW, "\setup"
  SIX "\prefix-u-ro", PU, "\setup"
  SIX "\prefix-u-rw", PWU, "\setup"
  SIX "\prefix-s-ro-nx", P | NX, "\setup"
  SIX "\prefix-s-rw-nx", PW | NX, "\setup"
  SIX "\prefix-u-ro-nx", PU | NX, "\setup"
  SIX "\prefix-u-rw-nx", PWU | NX, "\setup"
  .endm
  .macro SET_NXE value
  movl $MSR_EFER, %ecx
  movl $0x501 | (\value << 11), %eax
  xorl %edx, %edx
  wrmsr
  movq %cr3, %rax
  movq %rax, %cr3
  .endm
  .macro WRITE_PROTECT_OFF
  CLEAR_CR0 0x10000
  .endm
  .macro SMEP_ON
  SET_CR4 0x100000
  .endm
  .macro SMAP_ON
  SET_CR4 0x200000
  .endm
  .macro SMAP_ON_AC
  SET_CR4 0x200000
  stac
  .endm
  .macro SMAP_SMEP_ON
  SET_CR4 0x300000
  .endm
  .macro SMAP_ON_WRITE_PROTECT_OFF
  SET_CR4 0x200000
  CLEAR_CR0 0x10000
  .endm
  .macro NXE_OFF
  SET_NXE 0
  .endm
  .macro NXE_OFF_SMEP_ON
  SET_NXE 0
  SET_CR4 0x100000
  .endm
  .macro UPPER_NO_WRITE
  andq $~PTE_W, page_window_directory
  .endm
  .macro UPPER_NO_USER
  andq $~PTE_U, page_window_directory
  .endm
  .macro UPPER_NX
  btsq $63, page_window_directory
  .endm
  .macro PDPTE_NO_WRITE
  andq $~PTE_W, page_pdpt + 8
  .endm
  .macro PDPTE_NO_USER
  andq $~PTE_U, page_pdpt + 8
  .endm
  .macro PDPTE_NX
  btsq $63, page_pdpt + 8
  .endm
  .macro PDPTE_ABSENT
  andq $~PTE_P, page_pdpt + 8
  .endm
  .macro UPPER_ABSENT
  andq $~PTE_P, page_window_directory
  .endm

  .text
  .globl run_image
run_image:
  ALL "wp", ""
  SIX "nowp-s-ro", P, WRITE_PROTECT_OFF
  SIX "nowp-u-ro", PU, WRITE_PROTECT_OFF
  SIX "smep-u-rw", PWU, SMEP_ON
  SIX "smep-s-rw", PW, SMEP_ON
  SIX "smep-u-nx", PWU | NX, SMEP_ON
  SIX "smap-u-rw", PWU, SMAP_ON
  SIX "smap-u-ro", PU, SMAP_ON
  SIX "smap-s-rw", PW, SMAP_ON
  SIX "smap-ac-u-rw", PWU, SMAP_ON_AC
  SIX "smap-ac-u-ro", PU, SMAP_ON_AC
  SIX "smap-smep-u-rw", PWU, SMAP_SMEP_ON
  SIX "smap-nowp-u-ro", PU, SMAP_ON_WRITE_PROTECT_OFF
  SIX "nxe-off-u-rw-nx", PWU | NX, NXE_OFF
  SIX "nxe-off-u-rw", PWU, NXE_OFF
  SIX "nxe-off-s-rw", PW, NXE_OFF
  SIX "nxe-off-absent-nx", NX, NXE_OFF
  SIX "nxe-off-smep-u-rw", PWU, NXE_OFF_SMEP_ON
  SIX "pde-read-only", PWU, UPPER_NO_WRITE
  SIX "pde-supervisor", PWU, UPPER_NO_USER
  SIX "pde-nx", PWU, UPPER_NX
  SIX "pde-absent", PWU, UPPER_ABSENT
  SIX "pdpte-read-only", PWU, PDPTE_NO_WRITE
  SIX "pdpte-supervisor", PWU, PDPTE_NO_USER
  SIX "pdpte-nx", PWU, PDPTE_NX
  SIX "pdpte-absent", PWU, PDPTE_ABSENT

  // Reserved bits: bit 51 lies above every MAXPHYADDR this suite meets.
  SIX "reserved-51", PWU | 1 << 51, ""
  KERNEL_ACCESS "reserved-51-absent", 1 << 51, , movl (%rbx), %eax
  .macro RESERVED_PDE
  btsq $51, page_window_directory
  .endm
  .macro RESERVED_PDPTE
  btsq $51, page_pdpt + 8
  .endm
  .macro RESERVED_2M
  movq $0x2000 + PWU + PTE_PS, page_window_directory
  .endm
  .macro RESERVED_1G
  movq $0x2000 + PWU + PTE_PS, page_pdpt + 8
  .endm
  .macro RESERVED_AND_ABSENT_LEAF
  btsq $51, page_window_directory
  movq $0, page_window + 8
  .endm
  KERNEL_ACCESS "reserved-51-pde", PWU, RESERVED_PDE, movl (%rbx), %eax
  USER_ACCESS "reserved-51-pde-user-write", PWU, RESERVED_PDE, movl %eax, (%rbx)
  KERNEL_ACCESS "reserved-51-pdpte", PWU, RESERVED_PDPTE, movl (%rbx), %eax
  KERNEL_ACCESS "reserved-2m-bit-13", PWU, RESERVED_2M, movl (%rbx), %eax
  KERNEL_ACCESS "reserved-1g-bit-13", PWU, RESERVED_1G, movl %eax, (%rbx)
  KERNEL_ACCESS "reserved-pde-before-absent-leaf", PWU, RESERVED_AND_ABSENT_LEAF, movl (%rbx), %eax
  KERNEL_ACCESS "reserved-and-user-write-protected", PU | 1 << 51, SMAP_ON, movl %eax, (%rbx)
  // PS in a PML4 entry is reserved. The entry used is the second one.
  CASE "reserved-pml4-ps"
  movq page_pml4, %rax
  orq $PTE_PS, %rax
  movq %rax, page_pml4 + 8
  movabsq $0x8000000000, %rbx
  AT
  movl (%rbx), %eax
  RESULT
  movq $0, page_pml4 + 8
  ENDLINE
  CASE "pml4-absent"
  movabsq $0x8000000123, %rbx
  AT
  movl (%rbx), %eax
  END
  CASE "pml4-absent-negative"
  movabsq $0xFFFF800000000000, %rbx
  AT
  movl %eax, (%rbx)
  END
  CASE "pml4-negative-alias"
  movq page_pml4, %rax
  movq %rax, page_pml4 + 511 * 8
  movabsq $0xFFFFFF8000000000 + user_scratch, %rbx
  movl $0x5566, user_scratch
  AT
  movl (%rbx), %ecx
  RESULT
  VALUE %rcx
  ENDLINE
  movq $0, page_pml4 + 511 * 8
  CASE "pml4-nx"
  movq page_pml4, %rax
  btsq $63, %rax
  movq %rax, page_pml4 + 8
  movabsq $0x8000000000 + user_finish, %rbx
  AT
  jmp *%rbx
  RESULT
  ENDLINE
  CASE "pml4-supervisor"
  movq page_pml4, %rax
  andq $~PTE_U, %rax
  movq %rax, page_pml4 + 8
  movabsq $0x8000000000 + user_scratch, %rbx
  USER64
  movl (%rbx), %eax
  LEAVE
  END
  .pushsection .user.text, "ax"
user_finish:
  int $FINISH
  .popsection
  movq $0, page_pml4 + 8

  // Accessed and dirty flags at every level.
  .macro CLEAR_USE
  andq $~0x60, page_pml4
  andq $~0x60, page_pdpt + 8
  andq $~0x60, page_window_directory
  movq %cr3, %rax
  movq %rax, %cr3
  .endm
  .macro SHOW_USE
  RESULT
  CALL_C put_entry_use, $page_pml4
  CALL_C put_entry_use, $page_pdpt+8
  CALL_C put_entry_use, $page_window_directory
  CALL_C put_entry_use, $page_window+8
  ENDLINE
  .endm
  .macro USE name, instruction:vararg
  CASE "\name"
  MAP 1, PWU
  CLEAR_USE
  movl %ebx, %edi
  movl %ebx, %esi
  movl $1, %ecx
  xorl %eax, %eax
  AT
  \instruction
  SHOW_USE
  .endm
  USE "use-read", movl (%rbx), %eax
  USE "use-write", movl %eax, (%rbx)
  USE "use-add", addl $0, (%rbx)
  USE "use-test", testl $1, (%rbx)
  USE "use-cmpxchg-unequal", cmpxchgl %ecx, (%rbx)
  USE "use-lock-cmpxchg-unequal", lock cmpxchgl %ecx, (%rbx)
  USE "use-bt", btl $1, (%rbx)
  USE "use-xchg", xchgl %eax, (%rbx)
  USE "use-movs", movsb
  USE "use-cmps", cmpsb
  USE "use-rep-stosb-none", .byte 0x31, 0xC9, 0xF3, 0xAA
  USE "use-lea", leaq (%rbx), %rax
  USE "use-invlpg", invlpg (%rbx)
  USE "use-fetch", jmp *%rbx
  // Read first, so that the translation is cached clean; then write.
  CASE "use-read-then-write"
  MAP 1, PWU
  CLEAR_USE
  AT
  movl (%rbx), %eax
  movl %eax, (%rbx)
  SHOW_USE
  // The software clears the dirty flag and invalidates; the next write sets it again.
  CASE "use-cleared-invlpg-write"
  MAP 1, PWU
  movl %eax, (%rbx)
  andq $~0x60, page_window + 8
  invlpg (%rbx)
  movl %eax, (%rbx)
  RESULT
  CALL_C put_entry_use, $page_window+8
  ENDLINE

  // Large pages.
  CASE "large-2m-read"
  movq $0x200000 + PWU + PTE_PS, page_window_directory + 8
  movl $0x1234, user_scratch
  movl $WINDOW + user_scratch, %ebx
  AT
  movl (%rbx), %ecx
  RESULT
  VALUE %rcx
  CALL_C put_entry_use, $page_window_directory+8
  ENDLINE
  CASE "large-2m-write"
  movq $0x200000 + PWU + PTE_PS, page_window_directory + 8
  movl $WINDOW + user_scratch, %ebx
  AT
  movl $0x77, (%rbx)
  movl user_scratch, %ecx
  RESULT
  VALUE %rcx
  CALL_C put_entry_use, $page_window_directory+8
  ENDLINE
  CASE "large-2m-supervisor-user"
  movq $0x200000 + PW + PTE_PS, page_window_directory + 8
  movl $WINDOW + user_scratch, %ebx
  USER64
  movl (%rbx), %ecx
  LEAVE
  END
  CASE "large-2m-read-only"
  movq $0x200000 + PU + PTE_PS, page_window_directory + 8
  movl $WINDOW + user_scratch, %ebx
  USER64
  movl %ecx, (%rbx)
  LEAVE
  END
  CASE "large-2m-nx"
  movq $0x200000 + PWU + PTE_PS, page_window_directory + 8
  btsq $63, page_window_directory + 8
  movl $WINDOW + user_finish, %ebx
  AT
  jmp *%rbx
  END
  CASE "large-2m-pat-bit-12"
  movq $0x200000 + PWU + PTE_PS + 0x1000, page_window_directory + 8
  movl $WINDOW + user_scratch, %ebx
  AT
  movl (%rbx), %ecx
  END
  CASE "large-1g-read"
  movq $PWU + PTE_PS, page_pdpt + 16
  movl $0x4321, user_scratch
  movl $0x80000000 + user_scratch, %ebx
  AT
  movl (%rbx), %ecx
  RESULT
  VALUE %rcx
  CALL_C put_entry_use, $page_pdpt+16
  ENDLINE
  CASE "large-1g-write"
  movq $PWU + PTE_PS, page_pdpt + 16
  movl $0x80000000 + user_scratch, %ebx
  AT
  movl $0x88, (%rbx)
  movl user_scratch, %ecx
  RESULT
  VALUE %rcx
  CALL_C put_entry_use, $page_pdpt+16
  ENDLINE
  CASE "large-1g-supervisor-user-write"
  movq $PW + PTE_PS, page_pdpt + 16
  movl $0x80000000 + user_scratch, %ebx
  USER64
  movl %ecx, (%rbx)
  LEAVE
  END

  // Accesses that cross from page 1 into page 2.
  .macro CROSS name, first, second, offset, instruction:vararg
  CASE "\name"
  MAP 2, \second, 1
  MAP 1, \first
  addq $\offset, %rbx
  movl $-1, %eax
  AT
  \instruction
  RESULT
  movl spare_page + 0xFFC, %eax
  VALUE %rax
  ENDLINE
  .endm
  CROSS "cross-read-second-absent", PWU, 0, 0xFFE, movl (%rbx), %eax
  CROSS "cross-read-first-absent", 0, PWU, 0xFFE, movl (%rbx), %eax
  CROSS "cross-read-both-absent", 0, 0, 0xFFE, movl (%rbx), %eax
  CROSS "cross-write-second-absent", PWU, 0, 0xFFE, movl %eax, (%rbx)
  CROSS "cross-write-second-read-only", PWU, PU, 0xFFE, movl %eax, (%rbx)
  CROSS "cross-write-first-read-only", PU, PWU, 0xFFE, movl %eax, (%rbx)
  CROSS "cross-write-both-read-only", PU, PU, 0xFFD, movl %eax, (%rbx)
  CROSS "cross-write-8-second-absent", PWU, 0, 0xFFF, movq %rax, (%rbx)
  CROSS "cross-write-whole", PWU, PWU, 0xFFE, movl %eax, (%rbx)
  CROSS "cross-add-second-read-only", PWU, PU, 0xFFE, addl %eax, (%rbx)
  // An instruction across the same border: a 5-byte MOV whose first two bytes are in page 1.
  .macro CROSS_FETCH name, first, second, setup
  CASE "\name"
  MAP 2, \second, 1
  MAP 1, \first
  movb $0xB8, spare_page + 0xFFE
  \setup
  addq $0xFFE, %rbx
  movq %rbx, case_start
  jmp *%rbx
  END
  .endm
  CROSS_FETCH "cross-fetch-second-absent", PWU, 0
  CROSS_FETCH "cross-fetch-second-nx", PWU, PWU | NX
  CROSS_FETCH "cross-fetch-first-nx", PWU | NX, PWU
  CROSS_FETCH "cross-fetch-second-smep", PW, PWU, SMEP_ON

  // Write intent is decided by the instruction, not by the outcome.
  .macro INTENT name, instruction:vararg
  CASE "\name"
  MAP 1, PU
  movl $1, %eax
  movl $2, %ecx
  movl %ebx, %edi
  movl %ebx, %esi
  AT
  \instruction
  END
  .endm
  INTENT "intent-cmpxchg-unequal", cmpxchgl %ecx, (%rbx)
  INTENT "intent-lock-cmpxchg-unequal", lock cmpxchgl %ecx, (%rbx)
  INTENT "intent-cmpxchg8b", cmpxchg8b (%rbx)
  INTENT "intent-add", addl $0, (%rbx)
  INTENT "intent-bts", btsl $1, (%rbx)
  INTENT "intent-bt", btl $1, (%rbx)
  INTENT "intent-xadd", xaddl %eax, (%rbx)
  INTENT "intent-not", notl (%rbx)
  INTENT "intent-shl-0", shll $0, (%rbx)
  INTENT "intent-shl-cl-0", .byte 0x31, 0xC9, 0xD3, 0x23
  INTENT "intent-movs", movsb
  INTENT "intent-cmps", cmpsb
  INTENT "intent-prefetchw", .byte 0x0F, 0x0D, 0x0B
  INTENT "intent-verr", verr (%rbx)
  INTENT "intent-sgdt", sgdt (%rbx)
  INTENT "intent-fxsave", fxsave (%rbx)
  INTENT "intent-movnti", movnti %eax, (%rbx)

  // String instructions stop at the fault with their registers at the failing element.
  .macro STRING name, offset_from, offset_to, first, second, instruction:vararg
  CASE "\name"
  MAP 2, \second, 1
  MAP 1, \first
  leaq \offset_from(%rbx), %rsi
  leaq \offset_to(%rbx), %rdi
  movl $8, %ecx
  movl $0x55, %eax
  AT
  \instruction
  RESULT
  VALUE %rcx
  ADDRESS %rsi
  ADDRESS %rdi
  movl spare_page + 0xFFC, %eax
  VALUE %rax
  ENDLINE
  .endm
  STRING "string-stosb", 0, 0xFFD, PWU, 0, rep stosb
  STRING "string-stosl", 0, 0xFF9, PWU, 0, rep stosl
  STRING "string-movsb-source", 0xFFD, 0x10, PWU, 0, rep movsb
  STRING "string-movsb-target", 0x10, 0xFFC, PWU, 0, rep movsb
  STRING "string-movsq-both", 0xFF0, 0xFF8, PWU, 0, rep movsq
  STRING "string-lodsw", 0xFFC, 0, PWU, 0, rep lodsw
  STRING "string-scasb", 0, 0xFFC, PWU, 0, repne scasb
  STRING "string-cmpsb", 0xFFD, 0x10, PWU, 0, repne cmpsb
  STRING "string-stosb-down", 0, 0x1002, 0, PWU, .byte 0xFD, 0xF3, 0xAA
  STRING "string-stosb-read-only", 0, 0xFFE, PWU, PU, rep stosb

  // Stack and control flow: registers are whole at the fault.
  .macro STACK name, stack, instruction:vararg
  CASE "\name"
  MAP 1, PWU
  GATE 14, ist=1
  movq $\stack, %rsp
  movl $WINDOW + 0x1100, %ebp
  AT
  \instruction
  END
  .endm
  STACK "push-unmapped", WINDOW + 0x1000, pushq %rax
  STACK "push-crossing", WINDOW + 0x1004, pushq %rax
  STACK "pop-unmapped", WINDOW, popq %rax
  STACK "pop-to-unmapped", WINDOW + 0x1100, popq WINDOW
  STACK "push-from-unmapped", WINDOW + 0x1100, pushq WINDOW
  STACK "call-unmapped-stack", WINDOW + 0x1000, call user_finish
  STACK "ret-unmapped-stack", WINDOW, ret
  STACK "enter-second-push", WINDOW + 0x1000 + 8, enter $0, $2
  STACK "leave-unmapped", WINDOW, .byte 0x89, 0xE5, 0xC9
  CASE "call-target-unmapped"
  movl $WINDOW, %ebx
  AT
  call *%rbx
  END
  CASE "ret-target-unmapped"
  pushq $WINDOW
  AT
  ret
  END

  // Addresses that are not canonical.
  .macro NONCANONICAL name, instruction:vararg
  CASE "\name"
  GATE 12, ist=1
  GATE 13, ist=1
  movabsq $0x0000800000000000, %rbx
  movq %rbx, %rbp
  AT
  \instruction
  END
  .endm
  NONCANONICAL "noncanonical-read", movl (%rbx), %eax
  NONCANONICAL "noncanonical-write", movl %eax, (%rbx)
  NONCANONICAL "noncanonical-read-rbp", movl (%rbp), %eax
  NONCANONICAL "noncanonical-read-rbp-fs", movl %fs:(%rbp), %eax
  NONCANONICAL "noncanonical-read-last-byte", movl -3(%rbx), %eax
  NONCANONICAL "noncanonical-jmp", jmp *%rbx
  NONCANONICAL "noncanonical-call", call *%rbx
  NONCANONICAL "noncanonical-ret", .byte 0x53, 0xC3
  NONCANONICAL "noncanonical-push", .byte 0x48, 0x8D, 0x63, 0x10, 0x50
  NONCANONICAL "noncanonical-pop", .byte 0x48, 0x8D, 0x63, 0x10, 0x58
  NONCANONICAL "noncanonical-leave", leave
  NONCANONICAL "noncanonical-invlpg", invlpg (%rbx)
  NONCANONICAL "noncanonical-lea", leaq (%rbx), %rax
  NONCANONICAL "noncanonical-prefetch", prefetcht0 (%rbx)
  NONCANONICAL "noncanonical-fs-base-plus", movl %fs:0x10(%rbx), %eax
  CASE "noncanonical-user-jmp"
  movabsq $0x0000800000000000, %rbx
  USER64
  jmp *%rbx
  LEAVE
  END

  // System structures are read and written with supervisor rights whatever the privilege level; SMAP ignores AC for them.
  .macro IMPLICIT name, setup, flags=0x2
  CASE "\name"
  movq $gdt, %rax
  andq $-4096, %rax
  orq $PWU, %rax
  movq %rax, page_window + 16
  addq $0x1000, %rax
  movq %rax, page_window + 24
  movq $gdt, %rax
  andl $0xFFF, %eax
  addq $WINDOW + 0x2000, %rax
  subq $16, %rsp
  movw $GDT_BYTES - 1, (%rsp)
  movq %rax, 2(%rsp)
  movl $RPL3(U_DATA), %ecx
  \setup
  lgdt (%rsp)
  USER64 flags=\flags
  movl %ecx, %ds
  LEAVE
  .endm
  IMPLICIT "implicit-user-page", ""
  END
  .macro HIDE_PAGE
  andb $~PTE_U, page_window + 16
  .endm
  IMPLICIT "implicit-supervisor-page", HIDE_PAGE
  END

  // A GDT across two pages of the window: null, kernel code, kernel data and U_CODE32 in page 1, the rest in page 2 with these flags.
  .macro SPLIT_GDT name, flags, accessed, setup
  CASE "\name"
  movq $gdt, %rsi
  movq $spare_page + 0xFE0, %rdi
  movl $GDT_BYTES, %ecx
  rep movsb
  movb $\accessed, spare_page + 0x1000 + 5  // U_DATA
  MAP 2, \flags, 1
  MAP 1, PW
  subq $16, %rsp
  movw $GDT_BYTES - 1, (%rsp)
  movq $WINDOW + 0x1FE0, 2(%rsp)
  lgdt (%rsp)
  movl $U_DATA, %ecx
  \setup
  AT
  movl %ecx, %ds
  RESULT
  lgdt gdt_pointer
  movzbl spare_page + 0x1000 + 5, %eax
  VALUE %rax
  ENDLINE
  .endm
  SPLIT_GDT "split-supervisor", PW, 0xF2, ""
  SPLIT_GDT "split-absent", 0, 0xF3, ""
  SPLIT_GDT "split-read-only-accessed", P, 0xF3, ""
  SPLIT_GDT "split-read-only-not-accessed-nowp", P, 0xF2, WRITE_PROTECT_OFF
  SPLIT_GDT "split-user-smap", PWU, 0xF3, SMAP_ON
  SPLIT_GDT "split-user-smap-ac", PWU, 0xF3, SMAP_ON_AC

  // What INVLPG, MOV to CR3 and a change of CR4.PGE must drop.
  .macro STALE name, flags, instruction:vararg
  CASE "\name"
  SET_CR4 0x80
  MAP 1, \flags
  movl $0x11111111, spare_page
  movl $0x22222222, spare_page + 0x1000
  movl (%rbx), %eax
  movq $spare_page + 0x1000 + \flags, %rax
  movq %rax, page_window + 8
  \instruction
  movl (%rbx), %ecx
  RESULT
  VALUE %rcx
  ENDLINE
  .endm
  .macro RELOAD_CR3
  movq %cr3, %rax
  movq %rax, %cr3
  .endm
  .macro TOGGLE_PGE
  CLEAR_CR4 0x80
  SET_CR4 0x80
  .endm
  STALE "stale-invlpg", PWU, invlpg (%rbx)
  STALE "stale-invlpg-other-byte", PWU, invlpg 0xFFF(%rbx)
  STALE "stale-invlpg-global", PWU + PTE_G, invlpg (%rbx)
  STALE "stale-cr3", PWU, RELOAD_CR3
  STALE "stale-pge-global", PWU + PTE_G, TOGGLE_PGE
  CASE "stale-invlpg-2m"
  movq $0x200000 + PWU + PTE_PS, page_window_directory + 8
  movl $0x33, user_scratch
  movl $WINDOW + user_scratch, %ebx
  movl (%rbx), %eax
  movq $0, page_window_directory + 8
  invlpg WINDOW + 0x200000
  AT
  movl (%rbx), %eax
  END
  CASE "widened-after-fault"
  // A page fault drops the translation it met: software may widen rights and retry without INVLPG.
  MAP 1, PU
  GATE 14, target=widen
  movl (%rbx), %eax
  AT
  movl %eax, (%rbx)
  RESULT
  CALL_C put_entry_use, $page_window+8
  ENDLINE
  .pushsection .text.handlers, "ax"
widen:
  orq $PTE_W, page_window + 8
  addq $8, %rsp
  iretq
  .popsection
  // The rights that control registers decide change at once.
  CASE "wp-at-once"
  MAP 1, P
  CLEAR_CR0 0x10000
  movl %eax, (%rbx)
  SET_CR0 0x10000
  AT
  movl %eax, (%rbx)
  END
  CASE "smap-at-once"
  MAP 1, PWU
  movl (%rbx), %eax
  SET_CR4 0x200000
  AT
  movl (%rbx), %eax
  END
  CASE "smap-stac-clac-at-once"
  MAP 1, PWU
  SET_CR4 0x200000
  stac
  movl (%rbx), %eax
  clac
  AT
  movl (%rbx), %eax
  END
  CASE "smap-popf-at-once"
  MAP 1, PWU
  SET_CR4 0x200000
  pushq $FLAG_AC + 2
  popfq
  movl (%rbx), %eax
  pushq $2
  popfq
  AT
  movl (%rbx), %eax
  END
  ret
