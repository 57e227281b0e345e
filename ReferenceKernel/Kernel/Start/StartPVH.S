// The first instructions on bare metal: from the 32-bit protected mode that PVH starts in, EBX at struct hvm_start_info, to
// long mode. Xen docs/misc/pvh.pandoc; SDM vol. 3A, "Initializing IA-32e Mode".
//
// The first GiB of physical memory is mapped twice, at 0 until the kernel runs, and at VIRT_BASE; the local APIC's page
// lies behind it, at 0xffffffffc0000000.
#define PHYSICAL(symbol) (symbol - 0xffffffff80000000)
#define CR0_VALUE 0x80050033    // PG AM WP NE ET MP PE
#define EFER 0xc0000080

  .section .text.start, "ax"
  .code32
  .globl start_pvh
start_pvh:
  cld
  movl $PHYSICAL(boot_l2), %edi
  movl $0x83, %eax              // P, RW, PS
  movl $512, %ecx
1:
  movl %eax, (%edi)
  addl $0x200000, %eax
  addl $8, %edi
  loop 1b
  movl $PHYSICAL(boot_l2) + 3, PHYSICAL(boot_l3_low)
  movl $PHYSICAL(boot_l2) + 3, PHYSICAL(boot_l3) + 8 * 510
  movl $PHYSICAL(boot_l2_apic) + 3, PHYSICAL(boot_l3) + 8 * 511
  movl $0xfee0009b, PHYSICAL(boot_l2_apic)      // and PCD, PWT
  movl $PHYSICAL(boot_l3_low) + 3, PHYSICAL(boot_l4)
  movl $PHYSICAL(boot_l3) + 3, PHYSICAL(boot_l4) + 8 * 511

  movl $0x620, %eax             // PAE, OSFXSR, OSXMMEXCPT
  movl %eax, %cr4
  movl $PHYSICAL(boot_l4), %eax
  movl %eax, %cr3
  movl $EFER, %ecx
  rdmsr
  orl $0x901, %eax              // SCE, LME, NXE
  wrmsr
  movl $CR0_VALUE, %eax
  movl %eax, %cr0
  lgdt PHYSICAL(start_gdt_pointer)
  ljmp $KERNEL_CS_START, $PHYSICAL(start_long)

  .set KERNEL_CS_START, 8
  .code64
start_long:
  movabsq $start_high, %rax
  jmp *%rax
start_high:
  xorl %eax, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  movl %eax, %fs
  movl %eax, %gs
  leaq boot_stack_top(%rip), %rsp
  xorl %ebp, %ebp
  movl %ebx, %esi
  xorl %edi, %edi
  call kernel_main
  ud2

  .balign 8
start_gdt:
  .quad 0, 0x00af9b000000ffff
start_gdt_pointer:
  .short 15
  .long PHYSICAL(start_gdt)

  .section .bss.pages, "aw", @nobits
  .balign 4096
  .globl boot_l4, boot_l2, boot_l2_apic, boot_stack_top
boot_l4: .skip 4096
boot_l3_low: .skip 4096
boot_l3: .skip 4096
boot_l2: .skip 4096
boot_l2_apic: .skip 4096
  .skip 16384
boot_stack_top:
