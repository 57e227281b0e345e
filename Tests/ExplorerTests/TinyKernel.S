/* A kernel and its user program in one ELF file, which is also its own probe (Probe/README.md): it boots within a few hundred
   instructions, so that a test can give Limen a kernel with any defect. What a test defines:

   BOOT        runs in 64-bit mode before user mode is entered
   CROSSING    runs in the kernel between SYSCALL and SYSRET, on the kernel's stack
   ON_NMI      runs in the NMI handler
   ON_DEBUG    runs in the handler of #DB
   USER_FLAGS  RFLAGS in user mode
   MASK        IA32_FMASK
   NO_NOTE     leaves the PVH note out
   KERNEL_DATA the descriptor of the kernel's SS
   CROSSED_AS  the only crossing's name, as a string */

#ifndef BOOT
#define BOOT
#endif
#ifndef CROSSING
#define CROSSING
#endif
#ifndef ON_NMI
#define ON_NMI
#endif
#ifndef ON_DEBUG
#define ON_DEBUG
#endif
#ifndef USER_FLAGS
#define USER_FLAGS 0x202
#endif
#ifndef KERNEL_DATA
#define KERNEL_DATA 0x00cf93000000ffff
#endif
#ifndef CROSSED_AS
#define CROSSED_AS "syscall64"
#endif
#ifndef MASK
#define MASK 0x47700           /* TF IF DF IOPL NT AC */
#endif

#ifndef NO_NOTE
  /* XEN_ELFNOTE_PHYS32_ENTRY: where a PVH start enters, in 32-bit protected mode. */
  .section .note.Xen, "a", @note
  .balign 4
  .long 4, 4, 18
  .asciz "Xen"
  .long start
#endif

  .text
  .code32
  .globl start
start:
  /* One 2 MiB page for the kernel, one for the user, and one that leads outside RAM. */
  movl $directory_pointers + 7, page_map
  movl $directory + 7, directory_pointers
  movl $0x83, directory
  movl $0x200087, directory + 8
  movl $0xe0000083, directory + 16
  movl $page_map, %eax
  movl %eax, %cr3
  movl $0x60, %eax             /* CR4: PAE and MCE */
  movl %eax, %cr4
  movl $0xc0000080, %ecx       /* IA32_EFER: SCE and LME */
  xorl %edx, %edx
  movl $0x101, %eax
  wrmsr
  movl $0x80010001, %eax       /* CR0: PG, WP, PE */
  movl %eax, %cr0
  lgdt descriptor_pointer
  ljmp $8, $long_mode

  .code64
  /* An interrupt gate: offset, selector, stack, present. */
.macro GATE vector, handler, stack
  movl $\handler, %eax
  movw %ax, gates + 16 * \vector
  movw $8, gates + 16 * \vector + 2
  movw $0x8e00 + \stack, gates + 16 * \vector + 4
  shrl $16, %eax
  movw %ax, gates + 16 * \vector + 6
.endm
.macro WRITE_MSR number, high, low
  movl $\number, %ecx
  movl $\high, %edx
  movl $\low, %eax
  wrmsr
.endm

long_mode:
  movl $0x10, %eax
  movl %eax, %ss
  movl $kernel_stack, %esp
  movl $task_state, %eax
  movw %ax, task_descriptor + 2
  shrl $16, %eax
  movb %al, task_descriptor + 4
  movb %ah, task_descriptor + 7
  movl $0x30, %eax
  ltr %ax
  lidt gate_pointer
  GATE 1, debug, 2
  GATE 2, nmi, 1
  GATE 18, machine_check, 1
  BOOT
  WRITE_MSR 0xc0000081, 0x001b0008, 0   /* STAR: the selectors of SYSRET, whose RPL AMD's takes as it is, and SYSCALL */
  WRITE_MSR 0xc0000082, 0, system_call  /* LSTAR */
  WRITE_MSR 0xc0000084, 0, MASK         /* FMASK */
  movl $limen_ready, %ecx
  movl $USER_FLAGS, %r11d
  movl $user_stack, %esp
  sysretq

system_call:
  movq %rsp, user_rsp
  movq $kernel_stack, %rsp
  pushq %rcx
  pushq %r11
  CROSSING
  popq %r11
  popq %rcx
  movq user_rsp, %rsp
  sysretq

nmi:
  ON_NMI
  iretq
debug:
  ON_DEBUG
  pushq %rax
  movl $0xffff0ff0, %eax
  movq %rax, %dr6              /* the causes are the handler's to clear */
  popq %rax
  iretq
machine_check:
  pushq %rax
  pushq %rcx
  pushq %rdx
  WRITE_MSR 0x17a, 0, 0        /* MCG_STATUS */
  popq %rdx
  popq %rcx
  popq %rax
  iretq
bad_opcode:
  ud2

  .data
descriptors:
  .quad 0
  /* As SYSCALL and SYSRET take them to be: SDM vol. 2B, "SYSRET". */
  .quad 0x00af9b000000ffff     /* 08: kernel code */
  .quad KERNEL_DATA            /* 10: kernel data */
  .quad 0
  .quad 0x00cff3000000ffff     /* 20: user data */
  .quad 0x00affb000000ffff     /* 28: user code */
task_descriptor:
  .quad 0x0000890000000067, 0  /* 30: the task state segment */
descriptor_pointer:
  .word . - descriptors - 1
  .quad descriptors
gate_pointer:
  .word 16 * 32 - 1
  .quad gates
  .balign 8
task_state:                    /* RSP0, then IST1 and IST2 */
  .long 0
  .quad kernel_stack, 0, 0, 0, nmi_stack, debug_stack, 0, 0, 0, 0, 0
  .long 0x68 << 16

  .bss
  .balign 4096
page_map: .skip 4096
directory_pointers: .skip 4096
directory: .skip 4096
gates: .skip 16 * 32
user_rsp: .skip 8
  .balign 16
  .skip 1024
kernel_stack:
  .skip 8192                   /* far from the others: no event of its own is met within a page below a stack's top */
nmi_stack:
  .skip 8192
debug_stack:

  .macro EXPORT name
  .globl \name
\name:
  .endm

  .section .user, "awx", @progbits
EXPORT limen_ready
  movq limen_request, %rax
EXPORT limen_crossing_syscall64
  syscall
EXPORT limen_crossed_syscall64
  jmp limen_crossed_syscall64
  .balign 8
EXPORT limen_request
  .long -1, -1
EXPORT limen_rsp
  .quad 0
EXPORT limen_crossing_names
  .quad crossing_name, 0
EXPORT limen_posture_names
  .quad posture_name, 0
EXPORT limen_applicable
  .byte 1
crossing_name: .asciz CROSSED_AS
posture_name: .asciz "normal"
  .balign 16
  .skip 256
user_stack:
  .section .note.GNU-stack, "", @progbits
