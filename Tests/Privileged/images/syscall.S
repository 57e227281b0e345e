// SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS: every register and MSR they read or write, and what each vendor refuses.
// Intel SDM vol. 2B, "SYSCALL—Fast System Call", "SYSRET—Return From Fast System Call", "SYSENTER—Fast System Call", "SYSEXIT",
// "SWAPGS"; AMD APM vol. 3, the same names; APM vol. 2, "SYSCALL and SYSRET", "SYSENTER and SYSEXIT (Legacy Mode Only)".
#include "case.h"

  .section .text.handlers, "ax"
// Where SYSCALL and SYSENTER arrive: keep what the processor loaded, then end the case on the kernel's stack.
arrival:
  movq %rsp, %r14
  movq $stacks + 0x1000, %rsp
  movl %ss, %r12d
  movl %cs, %r13d
  pushfq
  popq %r15
  int $FINISH

  .text
  .globl run_image
run_image:
  .macro AIM
  WRMSR MSR_LSTAR, arrival
  WRMSR MSR_CSTAR, arrival
  WRMSR MSR_SYSENTER_EIP, arrival
  WRMSR MSR_SYSENTER_ESP, 0x7000
  CLEAR_SHOWN
  .endm
  .macro CLEAR_SHOWN
  movl $0, %ecx
  movl $0, %r11d
  movl $0, %r12d
  movl $0, %r13d
  movl $0, %r14d
  movl $0, %r15d
  pushq $2
  popfq
  .endm
  // RIP given back in RCX, RFLAGS in R11, then RSP, CS, SS and RFLAGS in the kernel.
  .macro SHOW
  RESULT
  ADDRESS %rcx
  VALUE %r11
  ADDRESS %r14
  VALUE %r13
  VALUE %r12
  VALUE %r15
  ENDLINE
  .endm
  .macro CALL64 name, mask=0, flags=0x2, setup
  CASE "\name"
  AIM
  WRMSR MSR_SFMASK, \mask
  \setup
  CLEAR_SHOWN
  USER64 flags=\flags
  syscall
  LEAVE
  SHOW
  .endm
  CALL64 "syscall"
  CALL64 "syscall-flags-unmasked", 0, 0x47ED7
  CALL64 "syscall-flags-masked", 0x47ED5, 0x47ED7
  CALL64 "syscall-mask-all", 0xFFFFFFFF, 0x3602
  CALL64 "syscall-mask-if-only", 0x200, 0x602
  CALL64 "syscall-id-iopl", 0, 0x203002
  .macro SCE_OFF
  WRMSR MSR_EFER, 0xD00
  .endm
  CALL64 "syscall-sce-off", setup=SCE_OFF
  .macro STAR_RPL
  WRMSR MSR_STAR, (U_CODE32 << 48 | (K_CODE64 | 3) << 32)
  .endm
  CALL64 "syscall-star-rpl", setup=STAR_RPL
  // The descriptors are not read: fixed attributes, even for a base that names nothing sensible.
  .macro STAR_ODD
  WRMSR MSR_STAR, (U_CODE32 << 48 | GATE_DPL3 << 32)
  .endm
  CALL64 "syscall-star-odd", setup=STAR_ODD
  CASE "syscall-kernel"
  AIM
  AT
  syscall
  SHOW
  CASE "syscall-lstar-unmapped"
  AIM
  WRMSR MSR_LSTAR, WINDOW
  GATE 14, ist=1
  USER64
  syscall
  LEAVE
  END
  CASE "syscall-sce-off-kernel"
  WRMSR MSR_EFER, 0xD00
  AT
  syscall
  END
  CASE "lstar-noncanonical"
  AT
  WRMSR MSR_LSTAR, 0x800000000000
  END
  CASE "syscall-locked"
  AIM
  USER64
  .byte 0xF0, 0x0F, 0x05
  LEAVE
  END

  // From compatibility mode: AMD's goes to CSTAR, Intel's is undefined.
  .macro CALL32 name, mask=0, flags=0x2, instruction=syscall
  CASE "\name"
  AIM
  WRMSR MSR_SFMASK, \mask
  CLEAR_SHOWN
  USER32 flags=\flags
  \instruction
  LEAVE
  SHOW
  .endm
  CALL32 "syscall32"
  CALL32 "syscall32-flags-masked", 0x47ED5, 0x47ED7

  // SYSENTER: Intel's works in every mode, AMD's is undefined in long mode.
  CALL32 "sysenter32", instruction=sysenter
  CALL32 "sysenter32-flags", 0, 0x47602, sysenter
  CASE "sysenter64"
  AIM
  CLEAR_SHOWN
  USER64 flags=0x47602
  sysenter
  LEAVE
  SHOW
  CASE "sysenter64-cs-zero"
  AIM
  WRMSR MSR_SYSENTER_CS, 0
  USER64
  sysenter
  LEAVE
  END
  CASE "sysenter64-cs-rpl"
  AIM
  WRMSR MSR_SYSENTER_CS, (K_CODE64 | 3)
  CLEAR_SHOWN
  USER64
  sysenter
  LEAVE
  SHOW
  CASE "sysenter-kernel"
  AIM
  AT
  sysenter
  SHOW
  CASE "sysenter-esp-64-bit"
  AIM
  WRMSR MSR_SYSENTER_ESP, 0x123456789000
  CLEAR_SHOWN
  USER64
  sysenter
  LEAVE
  SHOW

  // SYSRET. The user code that it returns to notes what it finds.
  .pushsection .user.text, "ax"
returned64:
  movl %cs, %r13d
  movl %ss, %r12d
  movq %rsp, %r14
  pushfq
  popq %r15
  int $FINISH
  .code32
returned32:
  movl %cs, %ebx
  movl %ss, %edx
  pushfl
  popl %esi
  int $FINISH
  .code64
  .popsection
  .macro RETURN64 name, flags=0x2, star=RPL3(U_CODE32), setup
  CASE "\name"
  WRMSR MSR_STAR, (\star << 48 | K_CODE64 << 32)
  \setup
  CLEAR_SHOWN
  movq $returned64, %rcx
  movl $\flags, %r11d
  movq $user_stack_top, %rsp
  AT
  sysretq
  RESULT
  VALUE %r13
  VALUE %r12
  ADDRESS %r14
  VALUE %r15
  ENDLINE
  .endm
  RETURN64 "sysret64"
  RETURN64 "sysret64-flags", 0x247ED7
  RETURN64 "sysret64-flags-reserved", 0xFFC0802A
  RETURN64 "sysret64-rf-vm", 0x30002
  RETURN64 "sysret64-star-rpl-0", 2, U_CODE32
  RETURN64 "sysret64-star-rpl-3", 2, RPL3(U_CODE32)
  RETURN64 "sysret64-sce-off", setup=SCE_OFF
  .macro RETURN32 name, flags=0x2
  CASE "\name"
  movq $returned32, %rcx
  movl $\flags, %r11d
  movq $user_stack_top, %rsp
  AT
  sysretl
  RESULT
  VALUE %rbx
  VALUE %rdx
  VALUE %rsi
  ENDLINE
  .endm
  RETURN32 "sysret32"
  RETURN32 "sysret32-flags", 0x47602
  CASE "sysret32-rcx-upper-half"
  movabsq $0x123400000000 + returned32, %rcx
  movl $2, %r11d
  movq $user_stack_top, %rsp
  AT
  sysretl
  RESULT
  VALUE %rbx
  ENDLINE
  // RCX not canonical: Intel faults in ring 0 with the user's RSP, AMD at the first fetch in ring 3.
  CASE "sysret64-noncanonical"
  movabsq $0x0000800000000000, %rcx
  movl $2, %r11d
  GATE 13, ist=1
  movq $user_stack_top, %rsp
  AT
  sysretq
  END
  CASE "sysret64-noncanonical-flags-kept"
  movabsq $0x8000000000000001, %rcx
  movl $0x47602, %r11d
  GATE 13, ist=1
  movq $user_stack_top, %rsp
  AT
  sysretq
  END
  CASE "sysret64-noncanonical-negative-is-canonical"
  movabsq $0xFFFF800000000000, %rcx
  movl $2, %r11d
  AT
  sysretq
  END
  CASE "sysret-user"
  USER64
  sysretq
  LEAVE
  END
  CASE "sysret-user32"
  USER32
  .byte 0x0F, 0x07
  LEAVE
  END
  // SYSRET does not read the descriptors, and SS is usable whatever it was before: push in 32-bit code after a null SS.
  CASE "sysret32-null-ss-before"
  xorl %eax, %eax
  movl %eax, %ss
  movq $returned32, %rcx
  movl $2, %r11d
  movl $0, %edx
  movq $user_stack_top, %rsp
  movq $returned32, case_start
  sysretl
  RESULT
  VALUE %rdx
  ENDLINE

  // SYSEXIT: RIP from RDX, RSP from RCX. AMD: undefined in long mode.
  .macro EXIT name, target, rip, rsp=user_stack_top, setup, instruction=sysexitq
  CASE "\name"
  CLEAR_SHOWN
  \setup
  movabsq $\rip, %rdx
  movabsq $\rsp, %rcx
  AT
  \instruction
  RESULT
  VALUE %r13
  VALUE %r12
  ADDRESS %r14
  VALUE %r15
  ENDLINE
  .endm
  EXIT "sysexit64", , returned64
  .macro FLAGS_SET
  pushq $0x46602
  popfq
  .endm
  EXIT "sysexit64-flags", , returned64, setup=FLAGS_SET
  EXIT "sysexit64-rip-noncanonical", , 0x800000000000
  EXIT "sysexit64-rsp-noncanonical", , returned64, 0x800000000000
  .macro CS_ZERO
  WRMSR MSR_SYSENTER_CS, 0
  .endm
  EXIT "sysexit64-cs-zero", , returned64, setup=CS_ZERO
  CASE "sysexit32"
  movq $returned32, %rdx
  movq $user_stack_top, %rcx
  AT
  sysexitl
  RESULT
  VALUE %rbx
  VALUE %rsi
  ENDLINE
  CASE "sysexit-user"
  USER64
  sysexitq
  LEAVE
  END

  // SWAPGS.
  CASE "swapgs"
  WRMSR MSR_GS_BASE, 0x1111
  WRMSR MSR_KERNEL_GS_BASE, 0xFFFF800000002222
  AT
  swapgs
  RDMSR MSR_GS_BASE
  movq %rax, %rbx
  RDMSR MSR_KERNEL_GS_BASE
  RESULT
  VALUE %rbx
  VALUE %rax
  ENDLINE
  CASE "swapgs-user"
  USER64
  swapgs
  LEAVE
  END
  CASE "swapgs-kernel32"
  KERNEL32
  .byte 0x0F, 0x01, 0xF8
  LEAVE
  END
  CASE "swapgs-locked"
  AT
  .byte 0xF0, 0x0F, 0x01, 0xF8
  END
  CASE "swapgs-selector-kept"
  movl $RPL3(U_DATA), %eax
  movl %eax, %gs
  swapgs
  movl %gs, %ecx
  RESULT
  VALUE %rcx
  ENDLINE
  CASE "kernel-gs-base-noncanonical"
  AT
  WRMSR MSR_KERNEL_GS_BASE, 0x800000000000
  END

  // FSGSBASE.
  .macro FSGS name, instruction:vararg
  CASE "\name"
  SET_CR4 0x10000
  WRMSR MSR_FS_BASE, 0xFFFF800000001234
  WRMSR MSR_GS_BASE, 0x7FFF00005678
  movabsq $0x0000123480005678, %rbx
  movabsq $0x0000800000000000, %rcx
  movq $-1, %rax
  USER64
  \instruction
  LEAVE
  RESULT
  VALUE %rax
  RDMSR MSR_FS_BASE
  VALUE %rax
  RDMSR MSR_GS_BASE
  VALUE %rax
  ENDLINE
  .endm
  FSGS "rdfsbase", rdfsbaseq %rax
  FSGS "rdfsbase-32", rdfsbasel %eax
  FSGS "rdgsbase", rdgsbaseq %rax
  FSGS "wrfsbase", wrfsbaseq %rbx
  FSGS "wrfsbase-32", wrfsbasel %ebx
  FSGS "wrgsbase", wrgsbaseq %rbx
  FSGS "wrgsbase-noncanonical", wrgsbaseq %rcx
  FSGS "wrfsbase-noncanonical", wrfsbaseq %rcx
  FSGS "wrfsbase-32-of-noncanonical", wrfsbasel %ecx
  CASE "rdfsbase-disabled"
  AT
  rdfsbaseq %rax
  END
  CASE "rdfsbase-user32"
  SET_CR4 0x10000
  USER32
  .byte 0xF3, 0x0F, 0xAE, 0xC0
  LEAVE
  END
  ret
