// What a threshold sets up for itself on bare metal, after the kernel has set up the platform: gates of its own in the IDT, in place
// of the kernel's. SDM vol. 3A, "64-Bit Mode IDT"; "Interrupt Stack Table".
//
//     THRESHOLD_START
//       GATE 2, nmi, stack=1
//     THRESHOLD_START_END
//
// Every new task starts here, the first one on the way to /init, with interrupts off; so what stands here may be done again.
.macro THRESHOLD_START
  .text
  .globl return_from_fork
return_from_fork:
  ALTERNATIVE "", FEATURE_XENPV, "jmp return_from_trap"
.endm
.macro THRESHOLD_START_END
  jmp return_from_trap
.endm

// A gate: which handler, on which stack of the TSS's interrupt stack table (0: none), and who may come by INT n. The kernel's stacks are
// 1 for NMI, 2 for #DB, 3 for #MC, 4 for #DF. An interrupt gate (type 0xe) clears IF, a trap gate (0xf) does not.
.macro GATE vector, handler, stack=0, level=0, type=0xe
  leaq \handler(%rip), %rax
  leaq idt + 16 * (\vector)(%rip), %rcx
  movw %ax, (%rcx)
  movw $KERNEL_CS, 2(%rcx)
  movw $(0x8000 | \type << 8 | \level << 13 | \stack), 4(%rcx)
  shrq $16, %rax
  movw %ax, 6(%rcx)
  shrq $16, %rax
  movl %eax, 8(%rcx)
.endm

// What SYSCALL clears of the user's flags (IA32_FMASK): SDM vol. 2B, "SYSCALL".
.macro SYSCALL_CLEARS flags
  movl $0xc0000084, %ecx
  movl $(\flags), %eax
  xorl %edx, %edx
  wrmsr
.endm
