// What each privilege level may do: RFLAGS by POPF, CLI, STI, IOPL, port access and the I/O permission bitmap, privileged instructions,
// control registers, HLT, RDTSC, CPUID and the instructions this processor does not have.
// Intel SDM vol. 2B, "POPF/POPFD/POPFQ", "PUSHF", "STI", "CLI", "IN", "OUT", "MOV—Move to/from Control Registers"; vol. 1, "I/O Permission
// Bit Map", "Masking"; vol. 3A, "Privileged Instructions", "Control Registers".
#include "case.h"

  .text
  .globl run_image
run_image:
  // POPF: IOPL changes at level 0 only, IF at IOPL or below, VM and RF never, VIP and VIF cleared.
  .macro POP name, flags, enter_flags=0x2
  CASE "\name"
  movl $0, %ecx
  USER64 flags=\enter_flags
  pushq $\flags
  popfq
  pushfq
  popq %rcx
  LEAVE
  RESULT
  VALUE %rcx
  ENDLINE
  .endm
  POP "popf-user-iopl0", 0x247ED7
  POP "popf-user-iopl3", 0x247ED7, 0x3002
  POP "popf-user-iopl3-if-off", 0x2, 0x3202
  POP "popf-user-iopl0-if-kept", 0x2, 0x202
  POP "popf-user-iopl1", 0x247ED7, 0x1002
  POP "popf-user-vm-rf", 0x30002
  POP "popf-user-reserved", 0xC802A
  .macro POP_KERNEL name, flags
  CASE "\name"
  movl $0, %ecx
  AT
  pushq $\flags
  popfq
  pushfq
  popq %rcx
  pushq $2
  popfq
  RESULT
  VALUE %rcx
  ENDLINE
  .endm
  POP_KERNEL "popf-kernel", 0x247ED7
  POP_KERNEL "popf-kernel-vm-rf", 0x30002
  POP_KERNEL "popf-kernel-reserved", 0xFFC0802A-0x100000000
  POP_KERNEL "popf-kernel-vip-vif", 0x180002
  CASE "popfw-user"
  movl $0, %ecx
  USER64 flags=0x40202
  pushw $0x0ED7
  popfw
  pushfq
  popq %rcx
  LEAVE
  RESULT
  VALUE %rcx
  ENDLINE
  CASE "popfd-user32"
  movl $0, %ecx
  USER32 flags=0x3002
  pushl $0x247ED7
  popfl
  pushfl
  popl %ecx
  LEAVE
  RESULT
  VALUE %rcx
  ENDLINE
  CASE "pushfw"
  movl $0, %ecx
  USER64 flags=0x243ED7
  pushfw
  popw %cx
  LEAVE
  RESULT
  VALUE %rcx
  ENDLINE

  // CLI and STI.
  .macro USER_FLAGS name, instruction, flags=0x2
  CASE "\name"
  movl $0, %ecx
  USER64 flags=\flags
  \instruction
  pushfq
  popq %rcx
  LEAVE
  RESULT
  VALUE %rcx
  ENDLINE
  .endm
  USER_FLAGS "cli-iopl0", cli, 0x202
  USER_FLAGS "cli-iopl2", cli, 0x2202
  USER_FLAGS "cli-iopl3", cli, 0x3202
  USER_FLAGS "sti-iopl0", sti, 0x2
  USER_FLAGS "sti-iopl3", sti, 0x3002
  USER_FLAGS "clac-user", clac, 0x40002
  USER_FLAGS "stac-user", stac, 0x2
  CASE "stac-clac-kernel"
  stac
  pushfq
  popq %rcx
  clac
  pushfq
  popq %rdx
  RESULT
  VALUE %rcx
  VALUE %rdx
  ENDLINE

  // Ports.
  .macro PORT name, instruction, flags=0x2, setup
  CASE "\name"
  movl $user_scratch, %edi
  movl %edi, %esi
  movl $0x80, %edx
  \setup
  USER64 flags=\flags
  \instruction
  LEAVE
  END
  .endm
  .macro ALLOW_80
  movb $0xFE, task + 0x68 + 0x80 / 8
  .endm
  .macro ALLOW_80_82
  movb $0xF8, task + 0x68 + 0x80 / 8
  .endm
  .macro ALLOW_80_83
  movb $0xF0, task + 0x68 + 0x80 / 8
  .endm
  .macro ALLOW_81
  movb $0xFD, task + 0x68 + 0x80 / 8
  .endm
  .macro ALLOW_87_BUT_NOT_88
  movb $0x7F, task + 0x68 + 0x80 / 8
  movl $0x87, %edx
  .endm
  .macro ALLOW_87_AND_88
  movb $0x7F, task + 0x68 + 0x80 / 8
  movb $0xFE, task + 0x68 + 0x88 / 8
  movl $0x87, %edx
  .endm
  // The bitmap begins beyond the TSS limit: there is none.
  .macro NO_BITMAP
  movb $0xFE, task + 0x68 + 0x80 / 8
  movw $0x2069, task + 0x66
  .endm
  // The limit ends inside the pair of bytes that the check reads.
  .macro SHORT_BITMAP
  movb $0xFE, task + 0x68 + 0x80 / 8
  andb $0xFD, gdt + TASK + 5
  movw $0x68 + 0x80 / 8, gdt + TASK
  movl $TASK, %eax
  ltr %ax
  .endm
  .macro LONG_ENOUGH_BITMAP
  movb $0xFE, task + 0x68 + 0x80 / 8
  andb $0xFD, gdt + TASK + 5
  movw $0x69 + 0x80 / 8, gdt + TASK
  movl $TASK, %eax
  ltr %ax
  .endm
  .macro MOVED_BITMAP
  movb $0xFE, task + 0x100 + 0x80 / 8
  movw $0x100, task + 0x66
  .endm
  PORT "out-refused", "outb %al, $0x80"
  PORT "in-refused", "inb $0x80, %al"
  PORT "out-dx-refused", "outb %al, %dx"
  PORT "outs-refused", "outsb"
  PORT "ins-refused", "insb"
  PORT "out-iopl3", "outb %al, $0x80", 0x3002
  PORT "out-iopl2", "outb %al, $0x80", 0x2002
  PORT "out-allowed", "outb %al, $0x80", 0x2, ALLOW_80
  PORT "out-neighbour-allowed", "outb %al, $0x80", 0x2, ALLOW_81
  PORT "out-word-one-allowed", "outw %ax, $0x80", 0x2, ALLOW_80
  PORT "out-word-allowed", "outw %ax, $0x80", 0x2, ALLOW_80_82
  PORT "out-long-three-allowed", "outl %eax, $0x80", 0x2, ALLOW_80_82
  PORT "out-long-allowed", "outl %eax, $0x80", 0x2, ALLOW_80_83
  PORT "out-word-across-bytes-refused", "outw %ax, %dx", 0x2, ALLOW_87_BUT_NOT_88
  PORT "out-word-across-bytes-allowed", "outw %ax, %dx", 0x2, ALLOW_87_AND_88
  PORT "out-no-bitmap", "outb %al, $0x80", 0x2, NO_BITMAP
  PORT "out-short-bitmap", "outb %al, $0x80", 0x2, SHORT_BITMAP
  PORT "out-long-enough-bitmap", "outb %al, $0x80", 0x2, LONG_ENOUGH_BITMAP
  PORT "out-moved-bitmap", "outb %al, $0x80", 0x2, MOVED_BITMAP
  CASE "user32-out-refused"
  USER32
  outb %al, $0x80
  LEAVE
  END
  // The I/O check comes before the memory access of OUTS and INS.
  CASE "outs-refused-before-page-fault"
  movl $WINDOW, %esi
  movl $0x80, %edx
  USER64
  outsb
  LEAVE
  END
  CASE "outs-page-fault"
  movl $WINDOW, %esi
  movl $0x80, %edx
  AT
  outsb
  RESULT
  ADDRESS %rsi
  ENDLINE

  // Instructions of privilege level 0.
  .macro DENIED name, instruction:vararg
  CASE "\name"
  movl $0, %eax
  movl $0, %edx
  movl $MSR_EFER, %ecx
  USER64
  \instruction
  LEAVE
  END
  .endm
  DENIED "user-hlt", hlt
  DENIED "user-clts", clts
  DENIED "user-mov-from-cr0", movq %cr0, %rax
  DENIED "user-mov-to-cr0", movq %rax, %cr0
  DENIED "user-mov-from-cr2", movq %cr2, %rax
  DENIED "user-mov-to-cr3", movq %rax, %cr3
  DENIED "user-mov-from-cr4", movq %cr4, %rax
  DENIED "user-mov-from-cr8", movq %cr8, %rax
  DENIED "user-invlpg", invlpg (%rax)
  DENIED "user-invd", invd
  DENIED "user-wbinvd", wbinvd
  DENIED "user-rdmsr", rdmsr
  DENIED "user-wrmsr", wrmsr
  DENIED "user-rdpmc", rdpmc
  DENIED "user-vmcall", .byte 0x0F, 0x01, 0xC1
  DENIED "user-rdtsc", rdtsc
  DENIED "user-rdtscp", rdtscp
  CASE "user-rdtsc-tsd"
  SET_CR4 4
  USER64
  rdtsc
  LEAVE
  END
  CASE "user-rdtscp-tsd"
  SET_CR4 4
  USER64
  rdtscp
  LEAVE
  END
  CASE "kernel-rdtsc-tsd"
  SET_CR4 4
  AT
  rdtsc
  END
  CASE "rdtscp-aux"
  WRMSR MSR_TSC_AUX, 0x87654321
  movq $-1, %rcx
  movq $-1, %rax
  movq $-1, %rdx
  rdtscp
  shrq $32, %rax
  shrq $32, %rdx
  RESULT
  VALUE %rcx
  VALUE %rax
  VALUE %rdx
  ENDLINE
  CASE "rdtsc-grows"
  rdtsc
  shlq $32, %rdx
  orq %rax, %rdx
  movq %rdx, %rbx
  movl $100, %ecx
1:
  loop 1b
  rdtsc
  shlq $32, %rdx
  orq %rax, %rdx
  cmpq %rbx, %rdx
  seta %al
  movzbl %al, %eax
  RESULT
  VALUE %rax
  ENDLINE

  // Control registers.
  .macro CONTROL name, register, value
  CASE "\name"
  movabsq $\value, %rax
  movl $0, %ebx
  AT
  movq %rax, %\register
  movq %\register, %rbx
  RESULT
  VALUE %rbx
  ENDLINE
  .endm
  CONTROL "cr0-same", cr0, 0x80010033
  CONTROL "cr0-nw-without-cd", cr0, 0xA0010033
  CONTROL "cr0-cd", cr0, 0xC0010033
  CONTROL "cr0-cd-nw", cr0, 0xE0010033
  CONTROL "cr0-upper", cr0, 0x180010033
  CONTROL "cr0-reserved-low", cr0, 0x9FFAFFF3
  CONTROL "cr0-et-fixed", cr0, 0x80010023
  CONTROL "cr4-same", cr4, 0x620
  CONTROL "cr4-smep-smap-fsgsbase", cr4, 0x310620
  CONTROL "cr4-de-tsd-mce-pge", cr4, 0x6EC
  CONTROL "cr2-any", cr2, 0x8000123456789ABC
  CONTROL "cr8-f", cr8, 0xF
  CASE "cr8-back-to-zero"
  movl $0, %eax
  movq %rax, %cr8
  movq %cr8, %rbx
  RESULT
  VALUE %rbx
  ENDLINE
  .macro NO_REGISTER name, modrm
  CASE "\name"
  AT
  .byte 0x0F, 0x20, \modrm
  END
  .endm
  NO_REGISTER "cr1", 0xC8
  NO_REGISTER "cr5", 0xE8
  NO_REGISTER "cr6", 0xF0
  NO_REGISTER "cr7", 0xF8
  CASE "cr0-memory-form-ignores-mod"
  movl $0, %eax
  AT
  .byte 0x0F, 0x20, 0x00
  RESULT
  VALUE %rax
  ENDLINE
  CASE "clts"
  SET_CR0 8
  clts
  movq %cr0, %rax
  RESULT
  VALUE %rax
  ENDLINE
  CASE "mov-cr0-32-bit-operand-prefix"
  movq $-1, %rax
  .byte 0x66, 0x0F, 0x20, 0xC0
  RESULT
  VALUE %rax
  ENDLINE

  // LOCK where it must not stand, and opcodes that 64-bit mode or this processor does not have.
  .macro UNDEFINED name, bytes:vararg
  CASE "\name"
  movl $user_scratch, %ebx
  movl $0, %eax
  AT
  .byte \bytes
  END
  .endm
  UNDEFINED "lock-nop", 0xF0, 0x90
  UNDEFINED "lock-mov-store", 0xF0, 0x89, 0x03
  UNDEFINED "lock-add-register", 0xF0, 0x01, 0xC0
  UNDEFINED "lock-add-load", 0xF0, 0x03, 0x03
  UNDEFINED "lock-add-store", 0xF0, 0x01, 0x03
  UNDEFINED "lock-cmp", 0xF0, 0x39, 0x03
  UNDEFINED "lock-inc", 0xF0, 0xFF, 0x03
  UNDEFINED "lock-xchg", 0xF0, 0x87, 0x03
  UNDEFINED "lock-bt", 0xF0, 0x0F, 0xA3, 0x03
  UNDEFINED "lock-bts", 0xF0, 0x0F, 0xAB, 0x03
  UNDEFINED "lock-cli", 0xF0, 0xFA
  UNDEFINED "lock-ud2", 0xF0, 0x0F, 0x0B
  UNDEFINED "lock-int3", 0xF0, 0xCC
  UNDEFINED "ud2", 0x0F, 0x0B
  UNDEFINED "ud1", 0x0F, 0xB9, 0xC0
  UNDEFINED "ud0", 0x0F, 0xFF, 0xC0
  UNDEFINED "push-cs", 0x0E
  UNDEFINED "push-ds", 0x1E
  UNDEFINED "pop-ss", 0x17
  UNDEFINED "daa", 0x27
  UNDEFINED "pusha", 0x60
  UNDEFINED "opcode-82", 0x82, 0xC0, 0x00
  UNDEFINED "aam", 0xD4, 0x0A
  UNDEFINED "salc", 0xD6
  UNDEFINED "lds-register-form", 0xC5
  UNDEFINED "lea-register", 0x8D, 0xC0
  UNDEFINED "mov-to-segment-6", 0x8E, 0xF0
  UNDEFINED "ff-7", 0xFF, 0xF8
  UNDEFINED "fe-2", 0xFE, 0xD0
  UNDEFINED "cmpxchg16b-misaligned", 0x48, 0x0F, 0xC7, 0x4B, 0x08
  UNDEFINED "cmpxchg8b-register", 0x0F, 0xC7, 0xC8
  UNDEFINED "movaps-misaligned", 0x0F, 0x28, 0x43, 0x08
  UNDEFINED "fxsave-misaligned", 0x0F, 0xAE, 0x43, 0x08
  UNDEFINED "vmcall", 0x0F, 0x01, 0xC1
  UNDEFINED "xgetbv-osxsave-off", 0x0F, 0x01, 0xD0
  UNDEFINED "rsm", 0x0F, 0xAA
  UNDEFINED "too-long", 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90
  UNDEFINED "fifteen-bytes", 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90

  // Faults of arithmetic.
  CASE "div-by-zero"
  movl $0, %ecx
  AT
  divl %ecx
  RESULT
  ENDLINE
  CASE "div-overflow"
  movl $2, %ecx
  movl $2, %edx
  movl $5, %eax
  AT
  divl %ecx
  RESULT
  VALUE %rax
  VALUE %rdx
  ENDLINE
  CASE "idiv-overflow-64"
  movq $-1, %rcx
  movq $-1, %rdx
  movabsq $0x8000000000000000, %rax
  AT
  idivq %rcx
  RESULT
  VALUE %rax
  ENDLINE
  CASE "idiv-8"
  movl $0x8000, %eax
  movl $0xFF, %ecx
  AT
  idivb %cl
  END
  CASE "user32-bound"
  movl $5, %eax
  movl $0, user_scratch
  movl $4, user_scratch + 4
  movl $RPL3(U_DATA), %ecx
  movl %ecx, %ds
  USER32
  .byte 0x62, 0x05  // bound %eax, user_scratch
  .long user_scratch
  LEAVE
  END
  CASE "user32-bound-inside"
  movl $4, %eax
  movl $0, user_scratch
  movl $4, user_scratch + 4
  movl $RPL3(U_DATA), %ecx
  movl %ecx, %ds
  USER32
  .byte 0x62, 0x05  // bound %eax, user_scratch
  .long user_scratch
  LEAVE
  END
  CASE "user32-aam-zero"
  USER32
  aam $0
  LEAVE
  END
  CASE "user32-lock-nop"
  USER32
  .byte 0xF0, 0x90
  LEAVE
  END
  CASE "user32-syscall-instructions-of-64-bit"
  USER32
  .byte 0x0F, 0x01, 0xF8
  LEAVE
  END

  // Alignment checks: CPL 3 with CR0.AM and EFLAGS.AC.
  .macro ALIGN name, am, flags, instruction:vararg
  CASE "\name"
  .if \am
  SET_CR0 0x40000
  .endif
  movl $user_scratch, %ebx
  USER64 flags=\flags
  \instruction
  LEAVE
  END
  .endm
  ALIGN "ac-long-2", 1, 0x40002, movl 2(%rbx), %eax
  ALIGN "ac-long-4", 1, 0x40002, movl 4(%rbx), %eax
  ALIGN "ac-word-1", 1, 0x40002, movw 1(%rbx), %ax
  ALIGN "ac-byte-1", 1, 0x40002, movb 1(%rbx), %al
  ALIGN "ac-quad-4", 1, 0x40002, movq 4(%rbx), %rax
  ALIGN "ac-write", 1, 0x40002, movl %eax, 1(%rbx)
  ALIGN "ac-without-am", 0, 0x40002, movl 1(%rbx), %eax
  ALIGN "ac-without-ac", 1, 0x2, movl 1(%rbx), %eax
  ALIGN "ac-push", 1, 0x40002, .byte 0x48, 0x83, 0xEC, 0x03, 0x50
  CASE "ac-kernel"
  SET_CR0 0x40000
  pushq $0x40002
  popfq
  movl $user_scratch, %ebx
  AT
  movl 1(%rbx), %eax
  END
  ret
