// Where Xen enters the kernel, for every entry kind, and how a case begins and ends. Frames: create_bounce_frame in
// xen/arch/x86/x86_64/entry.S; iret: struct iret_context in xen/include/public/arch-x86/xen-x86_64.h.
#include "../layout.h"

  .text
// One stub for each of the 256 vectors and the callbacks, STUB_SIZE bytes each. Nothing is pushed before all is recorded.
  .balign 32
  .globl stubs
stubs:
  .set kind, 0
  .rept KINDS
  .balign STUB_SIZE
  movq %rax, saved_rax
  movl $kind, %eax
  jmp arrive
  .set kind, kind + 1
  .endr

arrive:
  movq %rcx, saved_rcx
  movq arrival_next, %rcx
  movq %rax, A_KIND(%rcx)
  movq saved_rax, %rax
  movq %rax, A_GPR + 0(%rcx)
  movq saved_rcx, %rax
  movq %rax, A_GPR + 8(%rcx)
  movq %rdx, A_GPR + 16(%rcx)
  movq %rbx, A_GPR + 24(%rcx)
  movq %rsp, A_GPR + 32(%rcx)
  movq %rbp, A_GPR + 40(%rcx)
  movq %rsi, A_GPR + 48(%rcx)
  movq %rdi, A_GPR + 56(%rcx)
  movq %r8, A_GPR + 64(%rcx)
  movq %r9, A_GPR + 72(%rcx)
  movq %r10, A_GPR + 80(%rcx)
  movq %r11, A_GPR + 88(%rcx)
  movq %r12, A_GPR + 96(%rcx)
  movq %r13, A_GPR + 104(%rcx)
  movq %r14, A_GPR + 112(%rcx)
  movq %r15, A_GPR + 120(%rcx)
  // What the frame holds, before PUSHF writes below it.
  .set word, 0
  .rept FRAME_WORDS
  movq 8 * word(%rsp), %rax
  movq %rax, A_FRAME + 8 * word(%rcx)
  .set word, word + 1
  .endr
  pushfq
  popq A_RFLAGS(%rcx)
  cld
  movl %cs, %eax
  movw %ax, A_SELECTORS + 0(%rcx)
  movl %ss, %eax
  movw %ax, A_SELECTORS + 2(%rcx)
  movl %ds, %eax
  movw %ax, A_SELECTORS + 4(%rcx)
  movl %es, %eax
  movw %ax, A_SELECTORS + 6(%rcx)
  movl %fs, %eax
  movw %ax, A_SELECTORS + 8(%rcx)
  movl %gs, %eax
  movw %ax, A_SELECTORS + 10(%rcx)
  movq vcpu_info, %rbx
  movzbl 0(%rbx), %eax
  movb %al, A_PENDING(%rcx)
  movzbl 1(%rbx), %eax
  movb %al, A_MASK(%rcx)
  movq 16(%rbx), %rax
  movq %rax, A_CR2(%rcx)
  // Nothing more until the case goes on. An upcall has been taken once it has arrived.
  movb $1, 1(%rbx)
  cmpq $KIND_EVENT, A_KIND(%rcx)
  jne 1f
  movb $0, 0(%rbx)
1:
  addq $A_SIZE, arrival_next
  decq arrivals_left
  jz end_case

// Goes back to where the event came from by the iret hypercall, all registers as they were.
  leaq A_FRAME(%rcx), %rbx
  movq A_KIND(%rcx), %rax
  movq 0(%rbx), %rdx
  movq %rdx, iret_frame + 16
  movq 8(%rbx), %rdx
  movq %rdx, iret_frame + 8
  addq $16, %rbx
  cmpq $31, %rax
  ja 2f
  btq %rax, has_error_code
  jnc 2f
  addq $8, %rbx
2:
  movq A_GPR(%rcx), %rdx
  movq %rdx, iret_frame
  movq $0, iret_frame + 24
  movq 0(%rbx), %rdx
  movq %rdx, iret_frame + 32
  movzwl 8(%rbx), %edx
  movq %rdx, iret_frame + 40
  movq 16(%rbx), %rdx
  orq resume_flags_set, %rdx
  andq resume_flags_kept, %rdx
  movq %rdx, iret_frame + 48
  movq 24(%rbx), %rdx
  movq %rdx, iret_frame + 56
  movq 32(%rbx), %rdx
  movq %rdx, iret_frame + 64
  leaq A_GPR(%rcx), %rax
  jmp enter

// void run_case(void): enters what `case_start` describes and comes back after the last arrival.
  .globl run_case
run_case:
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, case_stack
  leaq case_start(%rip), %rax
  .irp offset, 0, 8, 16, 24, 32, 40, 48, 56, 64
  movq C_IRET + \offset(%rax), %rcx
  movq %rcx, iret_frame + \offset
  .endr
enter:
  movq 16(%rax), %rdx
  movq 24(%rax), %rbx
  movq 40(%rax), %rbp
  movq 48(%rax), %rsi
  movq 56(%rax), %rdi
  movq 64(%rax), %r8
  movq 72(%rax), %r9
  movq 80(%rax), %r10
  movq 96(%rax), %r12
  movq 104(%rax), %r13
  movq 112(%rax), %r14
  movq 120(%rax), %r15
  movq $iret_frame, %rsp
  movl $23, %eax
  syscall
  .globl after_enter
after_enter:
  ud2

end_case:
  movq case_stack, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  ret

  .data
  .balign 8
// #DF #TS #NP #SS #GP #PF #AC
has_error_code: .quad 1 << 8 | 0xF << 10 | 1 << 14 | 1 << 17
  .globl resume_flags_set, resume_flags_kept
resume_flags_set: .quad 0
resume_flags_kept: .quad -1

  .bss
  .balign 16
saved_rax: .quad 0
saved_rcx: .quad 0
case_stack: .quad 0
iret_frame: .skip 72
  .globl arrival_next, arrivals_left, vcpu_info, case_start, arrivals
arrival_next: .quad 0
arrivals_left: .quad 0
vcpu_info: .quad 0
  .balign 16
case_start: .skip C_IRET + 72
  .balign 16
arrivals: .skip ARRIVALS * A_SIZE
