// #DB in all its forms: single step over each kind of instruction, instruction and data breakpoints, general detect, INT1, and what
// MOV to SS does to them.
// Intel SDM vol. 3B, "Debug Exception (#DB)—Interrupt Vector 1", "Single-Step Exception Condition", "Instruction-Breakpoint Exception
// Condition", "Data Memory and I/O Breakpoint Exception Conditions", "General-Detect Exception Condition", "Debug Status Register (DR6)",
// "Debug Control Register (DR7)"; vol. 2B, "MOV—Move to/from Debug Registers".
#include "case.h"

  .section .text.handlers, "ax"
  .globl landmark
landmark:
step_target:
  nop
  ret
arrival:
  nop
  int $FINISH
  .section .user.text, "ax"
user_after:
  nop
  nop
  int $FINISH
  .text
  // Constants by names that the preprocessor leaves alone in quoted arguments.
  .set kernel_data, K_DATA
  .set kernel_code, K_CODE64
  .set flag_tf, FLAG_TF
  .set tsc_aux, MSR_TSC_AUX

  .globl run_image
run_image:
  // Runs the instructions under TF; the trap after the POPFQ that clears it ends the list.
  .macro STEPS name, instruction
  CASE "\name"
  LOG 20
  movl $user_scratch, %ebx
  movl %ebx, %esi
  movl %ebx, %edi
  movl $3, %ecx
  movl $0, %eax
  movl $0, %edx
  movl $K_DATA, %r8d
  movq %rsp, %rbp
  movq $82f, case_start
  pushq $2
  pushq $FLAG_TF | 2
  popfq
82:
  \instruction
  popfq
  movq $0, case_log
  RESULT
  ENDLINE
  .endm
  STEPS "tf-nops", "nop; nop"
  STEPS "tf-pushf", "pushfq; popq %r9"
  STEPS "tf-jmp", "jmp 83f; nop; 83:"
  STEPS "tf-jcc-not-taken", "jnz 83f; nop; 83:"
  STEPS "tf-call-ret", "call step_target"
  STEPS "tf-loop", "83: loop 83b"
  STEPS "tf-rep-movsb", "rep movsb"
  STEPS "tf-rep-none", "xorl %ecx, %ecx; rep stosb"
  STEPS "tf-repne-scasb", "repne scasb"
  STEPS "tf-cpuid", "cpuid"
  STEPS "tf-rdtsc", "rdtsc"
  STEPS "tf-mov-cr3", "movq %cr3, %r9; movq %r9, %cr3"
  STEPS "tf-mov-dr7", "movq %dr7, %r9; movq %r9, %dr7"
  STEPS "tf-invlpg", "invlpg (%rbx)"
  STEPS "tf-wrmsr", "movl $tsc_aux, %ecx; wrmsr"
  STEPS "tf-swapgs", "swapgs; swapgs"
  STEPS "tf-lgdt", "lgdt gdt_pointer"
  STEPS "tf-ltr-str", "str %r9"
  STEPS "tf-in-out", "inb $0x61, %al; outb %al, $0x80"
  STEPS "tf-fninit", "fninit"
  STEPS "tf-clts", "clts"
  STEPS "tf-mov-ds", "movl %r8d, %ds; nop"
  STEPS "tf-mov-ss", "movl %r8d, %ss; nop; nop"
  STEPS "tf-lss", "pushq $0; movl %esp, (%rsp); movl $kernel_data, 4(%rsp); lssl (%rsp), %esp; nop; addq $8, %rsp"
  STEPS "tf-sti", "sti; nop; cli"
  STEPS "tf-int", "int $0x40; nop"
  STEPS "tf-int3", "int3; nop"
  STEPS "tf-popf-clears", "pushq $2; popfq; nop; pushq $2"
  STEPS "tf-xchg-lock", "lock incl (%rbx)"
  STEPS "tf-enter-leave", "enter $16, $0; leave"
  STEPS "tf-iret-same", "movl %ss, %r9d; movq %rsp, %r10; pushq %r9; pushq %r10; pushq $flag_tf + 2; pushq $kernel_code; pushq $83f; iretq; 83: nop"
  STEPS "tf-far-return", "pushq $kernel_code; pushq $83f; lretq; 83: nop"
  // The fault comes instead of the trap, and its frame holds TF.
  CASE "tf-ud2"
  AT
  pushq $FLAG_TF | 2
  popfq
  ud2
  END
  CASE "tf-page-fault"
  AT
  movl $WINDOW, %ebx
  pushq $FLAG_TF | 2
  popfq
  movl (%rbx), %eax
  END

  // From and to privilege level 3.
  CASE "tf-user"
  LOG 9
  USER64 flags=0x102
  nop
  nop
  LEAVE
  END
  CASE "tf-user32"
  LOG 9
  USER32 flags=0x102
  nop
  movl %ss, %eax
  movl %eax, %ss
  nop
  nop
  LEAVE
  END
  CASE "tf-user32-pop-ss"
  LOG 9
  USER32 flags=0x102
  pushl %ss
  popl %ss
  nop
  nop
  LEAVE
  END
  CASE "tf-user-int-gate"
  GATE 0x40, access=0xEE
  LOG 9
  USER64 flags=0x102
  int $0x40
  nop
  LEAVE
  END
  CASE "tf-user32-into"
  GATE 4, access=0xEE
  LOG 9
  USER32 flags=0x902
  into
  nop
  LEAVE
  END
  .macro TF_SYSCALL name, mask
  CASE "\name"
  WRMSR MSR_LSTAR, arrival
  WRMSR MSR_SFMASK, \mask
  GATE 1, ist=1
  GATE FINISH, access=0xEE, ist=2
  LOG 9
  USER64 flags=0x102
  syscall
  LEAVE
  END
  .endm
  TF_SYSCALL "tf-syscall-masked", 0x100
  TF_SYSCALL "tf-syscall-unmasked", 0
  CASE "tf-sysret"
  LOG 9
  movq $user_after, %rcx
  movq %rcx, case_start
  movl $0x102, %r11d
  movq $user_stack_top, %rsp
  GATE 1, ist=1
  sysretq
  END
  CASE "tf-iret-to-user"
  LOG 9
  pushq $RPL3(U_DATA)
  pushq $user_stack_top
  pushq $0x102
  pushq $RPL3(U_CODE64)
  pushq $user_after
  movq $user_after, case_start
  iretq
  END
  CASE "tf-sysenter"
  WRMSR MSR_SYSENTER_EIP, arrival
  WRMSR MSR_SYSENTER_ESP, stacks+0x800
  GATE 1, ist=1
  LOG 3
  USER64 flags=0x102
  sysenter
  LEAVE
  END

  // Instruction breakpoints: a fault, before anything of the instruction; RF lets it run.
  CASE "exec"
  SHOW_RF
  LOG 4
  RESUME
  DEBUG dr0, 83f
  DEBUG dr7, 0x401
  AT
  nop
83:
  nop
  nop
  RESULT
  ENDLINE
  CASE "exec-without-rf-repeats"
  SHOW_RF
  LOG 3
  DEBUG dr0, 83f
  DEBUG dr7, 0x401
  AT
  nop
83:
  int $FINISH
  RESULT
  ENDLINE
  CASE "exec-two-in-a-row"
  LOG 4
  RESUME
  DEBUG dr0, 83f
  DEBUG dr1, 84f
  DEBUG dr7, 0x405
  AT
83:
  nop
84:
  nop
  RESULT
  ENDLINE
  CASE "exec-global"
  LOG 4
  RESUME
  DEBUG dr3, 83f
  DEBUG dr7, 0x480
  AT
83:
  nop
  RESULT
  ENDLINE
  CASE "exec-not-enabled"
  LOG 4
  DEBUG dr0, 83f
  DEBUG dr7, 0x400
83:
  nop
  RESULT
  ENDLINE
  CASE "exec-second-byte"
  LOG 4
  DEBUG dr0, 83f + 1
  DEBUG dr7, 0x401
83:
  movl $1, %eax
  RESULT
  ENDLINE
  CASE "exec-after-prefix"
  LOG 4
  RESUME
  DEBUG dr0, 83f + 1
  DEBUG dr7, 0x401
83:
  .byte 0x66, 0x90
  RESULT
  ENDLINE
  CASE "exec-rep-once"
  SHOW_RF
  LOG 6
  RESUME
  DEBUG dr0, 83f
  DEBUG dr7, 0x401
  movl $user_scratch, %edi
  movl $3, %ecx
  AT
83:
  rep stosb
  RESULT
  VALUE %rcx
  ENDLINE
  CASE "exec-ud2"
  DEBUG dr0, 83f
  DEBUG dr7, 0x401
  AT
83:
  ud2
  END
  CASE "exec-before-page-fault"
  DEBUG dr0, WINDOW
  DEBUG dr7, 0x401
  movl $WINDOW, %ebx
  AT
  jmp *%rbx
  END
  CASE "exec-mov-ss"
  LOG 4
  RESUME
  DEBUG dr0, 83f
  DEBUG dr7, 0x401
  movl $K_DATA, %eax
  AT
  movl %eax, %ss
83:
  nop
  nop
  RESULT
  ENDLINE
  CASE "exec-user"
  LOG 4
  RESUME
  DEBUG dr0, user_after + 1
  DEBUG dr7, 0x401
  movl $user_after, %ebx
  USER64
  jmp *%rbx
  LEAVE
  END
  CASE "exec-iret-with-rf"
  LOG 4
  RESUME
  DEBUG dr0, user_after
  DEBUG dr7, 0x401
  pushq $RPL3(U_DATA)
  pushq $user_stack_top
  pushq $FLAG_RF | 2
  pushq $RPL3(U_CODE64)
  pushq $user_after
  AT
  iretq
  END
  CASE "exec-popf-cannot-set-rf"
  LOG 2
  RESUME
  DEBUG dr0, 83f
  DEBUG dr7, 0x401
  AT
  pushq $FLAG_RF | 2
  popfq
83:
  nop
  RESULT
  ENDLINE
  // RF in the frame of a fault, and of a trap.
  CASE "rf-fault"
  SHOW_RF
  AT
  ud2
  END
  CASE "rf-page-fault"
  SHOW_RF
  movl $WINDOW, %ebx
  AT
  movl (%rbx), %eax
  END
  CASE "rf-gp-user"
  SHOW_RF
  USER64
  hlt
  LEAVE
  END
  CASE "rf-int3"
  SHOW_RF
  AT
  int3
  END
  CASE "rf-int"
  SHOW_RF
  AT
  int $0x40
  END
  CASE "rf-pushf"
  LOG 2
  RESUME
  DEBUG dr0, 83f
  DEBUG dr7, 0x401
  movl $0, %ecx
83:
  pushfq
  popq %rcx
  RESULT
  VALUE %rcx
  ENDLINE
  CASE "rf-syscall-r11"
  LOG 2
  RESUME
  WRMSR MSR_LSTAR, arrival
  DEBUG dr0, 85f
  DEBUG dr7, 0x401
  USER64
85:
  syscall
  LEAVE
  RESULT
  VALUE %r11
  ENDLINE

  // Data breakpoints: a trap after the access.
  .macro DATA name, control, address, instruction:vararg
  CASE "\name"
  LOG 6
  DEBUG dr0, user_scratch + \address
  DEBUG dr7, 0x401 | \control << 16
  movl $user_scratch + 0x10, %ebx
  movl %ebx, %edi
  movl %ebx, %esi
  movl $3, %ecx
  movl $0, %eax
  AT
  \instruction
  nop
  RESULT
  ENDLINE
  .endm
  // Control: LEN << 2 | R/W. R/W 1 is writes, 3 is both; LEN 0 is 1 byte, 1 is 2, 3 is 4, 2 is 8.
  DATA "data-write-1", 0x1, 0x10, movb %al, (%rbx)
  DATA "data-write-2", 0x5, 0x10, movw %ax, (%rbx)
  DATA "data-write-4", 0xD, 0x10, movl %eax, (%rbx)
  DATA "data-write-8", 0x9, 0x10, movq %rax, (%rbx)
  DATA "data-write-only-read", 0xD, 0x10, movl (%rbx), %eax
  DATA "data-both-read", 0xF, 0x10, movl (%rbx), %eax
  DATA "data-both-write", 0xF, 0x10, movl %eax, (%rbx)
  DATA "data-both-update", 0xF, 0x10, incl (%rbx)
  DATA "data-write-update", 0xD, 0x10, incl (%rbx)
  DATA "data-inside-wider", 0x1, 0x13, movl %eax, (%rbx)
  DATA "data-just-past", 0x1, 0x14, movl %eax, (%rbx)
  DATA "data-just-before", 0x1, 0xF, movl %eax, (%rbx)
  DATA "data-overlap-low", 0xD, 0x10, movl %eax, -2(%rbx)
  DATA "data-overlap-high", 0xD, 0x10, movl %eax, 3(%rbx)
  DATA "data-test", 0xF, 0x10, testl %eax, (%rbx)
  DATA "data-cmpxchg-unequal", 0xD, 0x10, .byte 0x83, 0xC8, 0x01, 0x0F, 0xB1, 0x0B
  DATA "data-xchg", 0xD, 0x10, xchgl %eax, (%rbx)
  DATA "data-bt", 0xD, 0x10, btl $0, (%rbx)
  DATA "data-movsb", 0x1, 0x10, movsb
  DATA "data-stosq", 0x1, 0x15, stosq
  DATA "data-rep-stosb-second", 0x1, 0x11, rep stosb
  DATA "data-rep-stosb-last", 0x1, 0x12, rep stosb
  DATA "data-push-memory", 0xF, 0x10, pushq (%rbx)
  DATA "data-lea", 0xF, 0x10, leaq (%rbx), %rax
  DATA "data-invlpg", 0xF, 0x10, invlpg (%rbx)
  CASE "data-two-hits"
  LOG 4
  DEBUG dr0, user_scratch
  DEBUG dr2, user_scratch
  DEBUG dr7, 0x0D0D0411
  AT
  movl %eax, user_scratch
  RESULT
  ENDLINE
  CASE "data-push"
  LOG 4
  subq $0x200, %rsp
  leaq -8(%rsp), %rax
  movq %rax, %dr0
  DEBUG dr7, 0xD0401
  AT
  pushq $1
  DEBUG dr7, 0x400
  RESULT
  ENDLINE
  CASE "data-user-write"
  LOG 4
  DEBUG dr0, user_scratch
  DEBUG dr7, 0xD0401
  USER64
  movl %eax, user_scratch
  nop
  LEAVE
  END
  CASE "data-and-tf"
  LOG 8
  DEBUG dr0, user_scratch
  DEBUG dr7, 0xD0401
  AT
  pushq $2
  pushq $FLAG_TF | 2
  popfq
  movl %eax, user_scratch
  popfq
  RESULT
  ENDLINE
  CASE "data-page-fault-only"
  DEBUG dr0, WINDOW
  DEBUG dr7, 0xF0401
  movl $WINDOW, %ebx
  AT
  movl (%rbx), %eax
  END
  // MOV to SS holds a pending #DB until after the next instruction, whatever that is.
  .macro HELD name, access, instruction:vararg
  CASE "\name"
  LOG 4
  GATE 0x40, access=0xEE
  GATE 3, access=0xEE
  movl $RPL3(U_DATA), user_scratch
  DEBUG dr0, user_scratch
  DEBUG dr7, 0xF0401
  USER64
  movw user_scratch, %ss
  \instruction
  nop
  LEAVE
  END
  .endm
  HELD "mov-ss-data-nop", , nop
  HELD "mov-ss-data-int", , int $0x40
  HELD "mov-ss-data-int3", , int3
  CASE "mov-ss-data-syscall"
  WRMSR MSR_LSTAR, arrival
  GATE 1, ist=1
  GATE FINISH, access=0xEE, ist=2
  movl $RPL3(U_DATA), user_scratch
  DEBUG dr0, user_scratch
  DEBUG dr7, 0xF0401
  LOG 4
  USER64
  movw user_scratch, %ss
  syscall
  LEAVE
  END

  // INT1, and the software interrupt to vector 1: no bit of DR6.
  CASE "int1"
  AT
  .byte 0xF1
  END
  CASE "int-01"
  AT
  int $1
  END
  CASE "int1-user"
  USER64
  .byte 0xF1
  LEAVE
  END

  // General detect.
  CASE "detect-write"
  DEBUG dr7, 0x2400
  movl $0, %eax
  AT
  movq %rax, %dr0
  RESULT
  ENDLINE
  CASE "detect-read"
  DEBUG dr7, 0x2400
  AT
  movq %dr6, %rax
  END
  CASE "detect-cleared-on-entry"
  GATE 1, target=note_dr7
  DEBUG dr7, 0x2400
  AT
  movq %dr7, %rax
  RESULT
  VALUE %rbx
  ENDLINE
  .pushsection .text.handlers, "ax"
note_dr7:
  movq %dr7, %rbx
  jmp stubs + 16
  .popsection

  // I/O breakpoints need CR4.DE.
  CASE "io"
  SET_CR4 8
  LOG 3
  DEBUG dr0, 0x80
  DEBUG dr7, 0x20401
  AT
  outb %al, $0x80
  nop
  RESULT
  ENDLINE
  CASE "io-other-port"
  SET_CR4 8
  LOG 3
  DEBUG dr0, 0x80
  DEBUG dr7, 0x20401
  AT
  outb %al, $0x81
  nop
  RESULT
  ENDLINE

  // The registers themselves.
  .macro REGISTER name, register, value
  CASE "\name"
  movabsq $\value, %rax
  AT
  movq %rax, %\register
  movq %\register, %rbx
  RESULT
  VALUE %rbx
  ENDLINE
  .endm
  movl $0, %ebx
  REGISTER "dr0-any", dr0, 0x800000000000
  REGISTER "dr6-zero", dr6, 0
  REGISTER "dr6-ones", dr6, 0xFFFFFFFF
  REGISTER "dr7-zero", dr7, 0
  REGISTER "dr7-reserved", dr7, 0xD800
  REGISTER "dr4-alias", dr4, 0
  REGISTER "dr5-alias", dr5, 0
  CASE "dr6-upper"
  movabsq $0x100000000, %rax
  AT
  movq %rax, %dr6
  END
  CASE "dr7-upper"
  movabsq $0x100000400, %rax
  AT
  movq %rax, %dr7
  END
  CASE "dr4-with-de"
  SET_CR4 8
  AT
  movq %dr4, %rax
  END
  CASE "dr5-with-de-write"
  SET_CR4 8
  AT
  movq %rax, %dr5
  END
  CASE "dr7-user-read"
  USER64
  movq %dr7, %rax
  LEAVE
  END
  CASE "dr0-user-write"
  USER64
  movq %rax, %dr0
  LEAVE
  END
  ret
