/* Where the probe leaves user mode and where it comes back.

   limen_launch loads the whole user state from limen_before and leaves by IRETQ, which at CPL 3 may load RIP, CS,
   RFLAGS, RSP and SS at once (Intel SDM vol. 2, "IRET/IRETD/IRETQ -- Interrupt Return"): no instruction runs between
   the moment TF or an odd RSP is in force and the crossing itself. limen_continue captures the state that came back
   into limen_after. */
#include "state.h"

.macro EXPORT name
  .globl \name
\name:
.endm

  .text
  .code64

/* The kernel's stack holds argc, argv, environment and auxiliary vector; the probe reads it, then forgets it. */
EXPORT _start
  xorl %ebp, %ebp
  movq %rsp, %rdi
  movq $limen_stack_top, %rsp
  call probe_main
  ud2

/* long system_call(long number, ...six arguments): Linux takes the fourth in R10. */
EXPORT system_call
  movq %rdi, %rax
  movq %rsi, %rdi
  movq %rdx, %rsi
  movq %rcx, %rdx
  movq %r8, %r10
  movq %r9, %r8
  movq 8(%rsp), %r9
  syscall
  ret

/* struct request limen_ready(void): everything is in place; the request is read by the instruction at the label. */
EXPORT limen_ready
  movq limen_request, %rax
  ret

/* The end of one request. */
EXPORT limen_done
  ret

EXPORT limen_launch
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, limen_home
  movq limen_before + STATE_RAX, %rax
  movq limen_before + STATE_RBX, %rbx
  movq limen_before + STATE_RCX, %rcx
  movq limen_before + STATE_RDX, %rdx
  movq limen_before + STATE_RSI, %rsi
  movq limen_before + STATE_RDI, %rdi
  movq limen_before + STATE_RBP, %rbp
  movq limen_before + STATE_R8, %r8
  movq limen_before + STATE_R9, %r9
  movq limen_before + STATE_R10, %r10
  movq limen_before + STATE_R11, %r11
  movq limen_before + STATE_R12, %r12
  movq limen_before + STATE_R13, %r13
  movq limen_before + STATE_R14, %r14
  movq limen_before + STATE_R15, %r15
  movq $limen_before + STATE_RIP, %rsp
  iretq

/* Nothing here may touch memory through RSP, or change RFLAGS, before both are stored. */
EXPORT limen_continue
  movq %rsp, limen_after + STATE_RSP
  movq %rax, limen_after + STATE_RAX
  movq %rbx, limen_after + STATE_RBX
  movq %rcx, limen_after + STATE_RCX
  movq %rdx, limen_after + STATE_RDX
  movq %rsi, limen_after + STATE_RSI
  movq %rdi, limen_after + STATE_RDI
  movq %rbp, limen_after + STATE_RBP
  movq %r8, limen_after + STATE_R8
  movq %r9, limen_after + STATE_R9
  movq %r10, limen_after + STATE_R10
  movq %r11, limen_after + STATE_R11
  movq %r12, limen_after + STATE_R12
  movq %r13, limen_after + STATE_R13
  movq %r14, limen_after + STATE_R14
  movq %r15, limen_after + STATE_R15
  movq limen_home, %rsp
  pushfq
  popq limen_after + STATE_RFLAGS
  pushq $2
  popfq
  movl %cs, %eax
  movq %rax, limen_after + STATE_CS
  movl %ss, %eax
  movq %rax, limen_after + STATE_SS
  movl %ds, %eax
  movq %rax, limen_after + STATE_DS
  movl %es, %eax
  movq %rax, limen_after + STATE_ES
  movl %fs, %eax
  movq %rax, limen_after + STATE_FS
  movl %gs, %eax
  movq %rax, limen_after + STATE_GS
  movl $USER_DS, %eax
  movl %eax, %ss
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  ret

/* The crossings from 64-bit code. */

EXPORT limen_crossing_syscall64
  syscall
EXPORT limen_crossed_syscall64
  jmp limen_continue

EXPORT limen_crossing_int80
  int $0x80
EXPORT limen_crossed_int80
  jmp limen_continue

EXPORT limen_crossing_ud
  ud2
EXPORT limen_crossing_bp
  int3
EXPORT limen_crossing_de
  divl limen_zero
EXPORT limen_crossing_gp
  hlt
/* A write to the first page, which Linux never lets a process map. */
EXPORT limen_crossing_pf
  movb $0, 0x10

/* TF is set on arrival: the trap comes after the NOP. */
EXPORT limen_crossing_db
  nop
  ud2

/* The restored RIP is normally limen_crossed_sigreturn. The UD2 is reached only if RT_SIGRETURN comes back here. */
EXPORT limen_crossing_sigreturn
  syscall
EXPORT limen_unreturned_sigreturn
  ud2
EXPORT limen_crossed_sigreturn
  jmp limen_continue

/* An interrupt returns to the instruction it found, so the loop is its own end; a signal breaks it. */
EXPORT limen_crossing_irq
  .globl limen_crossed_irq
  .set limen_crossed_irq, limen_crossing_irq
  jmp limen_crossing_irq
EXPORT limen_crossing_nmi
  .globl limen_crossed_nmi
  .set limen_crossed_nmi, limen_crossing_nmi
  jmp limen_crossing_nmi

/* The crossings from 32-bit code. Linux returns to a fixed place in the 32-bit vDSO, whatever the caller's EIP; that
   code pops EBP, EDX and ECX and executes RET, so the stack of the caller holds those three and the address of the
   crossed label. SYSENTER finds the user stack in EBP, SYSCALL finds the value of ECX there. */
  .code32

EXPORT limen_crossing_syscall32
  syscall
  ud2
EXPORT limen_crossed_syscall32
  ljmp $USER_CS, $limen_continue

EXPORT limen_crossing_sysenter
  sysenter
  ud2
EXPORT limen_crossed_sysenter
  ljmp $USER_CS, $limen_continue

/* Where a sigreturn into 32-bit code arrives. */
EXPORT limen_crossed_sigreturn32
  ljmp $USER_CS, $limen_continue

  .code64

/* The signal handlers' first instructions. Linux clears TF, DF and RF for a handler but leaves NT and AC. AC would make
   the handler's own unaligned accesses fault. NT stays, as RT_SIGRETURN takes it from here and not from its frame. */
.macro CLEAR_AC
  pushfq
  andq $~0x40000, (%rsp)
  popfq
.endm
.macro SIGNAL_ENTRY crossing:vararg
  .irp name, \crossing
  EXPORT limen_crossed_\name
  .endr
  CLEAR_AC
  jmp signal_handler
.endm

  SIGNAL_ENTRY ud
  SIGNAL_ENTRY bp, db
  SIGNAL_ENTRY de
  SIGNAL_ENTRY gp, pf
EXPORT limen_signalled_bus
  CLEAR_AC
  jmp signal_handler
EXPORT limen_signalled_alarm
  CLEAR_AC
  jmp signal_handler

EXPORT limen_restorer
  movl $15, %eax
  syscall
  ud2

/* The crossing instruction's address in the posture code-top, for the crossings that have it. */
  .globl limen_top_syscall64, limen_top_int80, limen_top_ud, limen_top_bp
  .set limen_top_syscall64, TOP_END - 2
  .set limen_top_int80, TOP_END - 2
  .set limen_top_ud, TOP_END - 2
  .set limen_top_bp, TOP_END - 1

/* Where the writable part of the program begins: this is the first file that is linked. */
  .data
EXPORT limen_data

  .bss
  .balign 16
EXPORT limen_home
  .skip 8
EXPORT limen_zero
  .skip 8
  .skip 16384
EXPORT limen_stack_top

  .section .note.GNU-stack, "", @progbits
