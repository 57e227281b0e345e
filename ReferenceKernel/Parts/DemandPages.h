// Kernel pages that are mapped when they are first touched, as Linux does with what vmalloc and modules have added since a process
// got its page tables. Two pages of 2 MiB, which nobody writes. SDM vol. 3A, "Page-Fault Exceptions"; "Control Registers" (CR2).
//
//     GATE 14, demand_page_fault
//     movb DEMAND_PAGE(0), %al
#define DEMAND_PAGES 2
#define DEMAND_PAGE(n) -0x3fe00000 + 0x200000 * n
// Its entry, behind that of the local APIC in the table of the last GiB.
#define DEMAND_ENTRY(n) boot_l2_apic + 8 + 8 * n
#define DEMAND_MAPPING 0x81     // P, PS; the first pages of memory

// The page is given back: the next who touches it faults again.
.macro FORGET_DEMAND_PAGE n
  movq $0, DEMAND_ENTRY(\n)
  invlpg DEMAND_PAGE(\n)
.endm

// #PF. One in the kernel for a page of these that is not there yet maps it and tries again. Every other is handled by trap_14, with CR2
// as it is: from user mode a signal, in the kernel its end.
  .text
demand_page_fault:
  testb $3, 16(%rsp)
  jnz trap_14
  pushq %rax
demand_page_fault_address:
  movq %cr2, %rax
  subq $DEMAND_PAGE(0), %rax
  shrq $21, %rax
  cmpq $DEMAND_PAGES, %rax
  jae 1f
  testb $1, DEMAND_ENTRY(0)(, %rax, 8)
  jnz 1f
  movq $DEMAND_MAPPING, DEMAND_ENTRY(0)(, %rax, 8)
  popq %rax
  addq $8, %rsp                 // the error code
  iretq
1:
  popq %rax
  jmp trap_14
