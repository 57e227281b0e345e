// What the thresholds share: struct pt_regs, selectors, per-CPU variables, patch sites, claims. A design's assembly file
// begins with #include "threshold.h"; Documentation/Designs.md teaches it.
#ifndef THRESHOLD_H
#define THRESHOLD_H

// struct pt_regs: a kernel stack in the middle of a system call or trap, from the top down.
//
//     +160 ss         pushed by the processor, by Xen, or by the SYSCALL entry
//     +152 rsp
//     +144 rflags
//     +136 cs
//     +128 rip        <- a hardware frame ends here; behind an error code, if there is one, at +120
//     +120 orig_rax   the system call's number, or the error code
//     +112 rdi  +104 rsi  +96 rdx  +88 rcx  +80 rax  +72 r8  +64 r9  +56 r10  +48 r11     what a C function may change
//      +40 rbx   +32 rbp  +24 r12  +16 r13   +8 r14  +0 r15                              what it preserves
#define PT_R15 0
#define PT_R14 8
#define PT_R13 16
#define PT_R12 24
#define PT_RBP 32
#define PT_RBX 40
#define PT_R11 48
#define PT_R10 56
#define PT_R9 64
#define PT_R8 72
#define PT_RAX 80
#define PT_RCX 88
#define PT_RDX 96
#define PT_RSI 104
#define PT_RDI 112
#define PT_ORIG_RAX 120
#define PT_RIP 128
#define PT_CS 136
#define PT_RFLAGS 144
#define PT_RSP 152
#define PT_SS 160
#define PT_SIZE 168

// The selectors that Linux has; STAR and SYSEXIT ask for this order.
#define KERNEL_CS 0x10
#define KERNEL_DS 0x18
#define USER32_CS 0x23
#define USER_DS 0x2b
#define USER_CS 0x33
#define TSS_SELECTOR 0x40
#define LDT_DESCRIPTOR 0x50

#define FLAGS_TF 0x100
#define FLAGS_IF 0x200
#define FLAGS_DF 0x400
#define FLAGS_NT 0x4000
#define FLAGS_RF 0x10000
#define FLAGS_AC 0x40000

// Per-CPU variables, relative to the kernel's GS base.
#define PCPU_rsp_scratch 0
#define PCPU_top_of_stack 8
#define PCPU_task 16
#define PCPU_threshold 24   // up to 47: what a threshold keeps for itself
#define PCPU_kernel_cr3 48  // the task's page tables, in the kernel and in user mode: Parts/PageTables.h
#define PCPU_user_cr3 56
#define PCPU_vcpu_info 64
#define PCPU_SIZE 128
// struct vcpu_info of xen/include/public/xen.h.
#define PCPU_upcall_pending (PCPU_vcpu_info + 0)
#define PCPU_upcall_mask (PCPU_vcpu_info + 1)

// struct task.
#define TASK_rsp 0
#define TASK_work 8

// What keeps a task from returning to user mode at once.
#define WORK_SIGNAL 1
#define WORK_RESCHEDULE 2
#define WORK_SINGLE_STEP 4

// Where the 32-bit page is, through which SYSENTER and 32-bit SYSCALL return; its first instruction.
#define VDSO32 0x20000000

#define ENOSYS 38

// xen/include/public/xen.h, arch-x86/xen-x86_64.h.
#define XEN_xen_version 17
#define XEN_iret 23
#define VGCF_in_syscall 0x100

// Where the processor and the hypervisor agree on what the alternatives decide.
#define FEATURE_XENPV 0
#define FEATURE_NATIVE 1
#define FEATURE_IRQ_TRACING 2

#ifdef __ASSEMBLER__

#define PER_CPU(name) %gs:PCPU_##name

// For the quoted instructions of patch sites, where the preprocessor does not look.
  .set pcpu_upcall_mask, PCPU_upcall_mask

// A patch site. The bytes of \old stand there until the kernel's start puts \new in place if \feature is present, and
// fills the rest with NOPs. A replacement that is one five-byte jump or call has its displacement adjusted. The table's
// entry is in Kernel/Alternatives.swift.
.macro ALTERNATIVE old, feature, new
  .pushsection .altinstr_replacement, "ax"
.Lnew\@:
  \new
.Lnew_end\@:
  .popsection
.Lsite\@:
  \old
.Lold_end\@:
  .skip -(((.Lnew_end\@ - .Lnew\@) > (.Lold_end\@ - .Lsite\@)) * ((.Lnew_end\@ - .Lnew\@) - (.Lold_end\@ - .Lsite\@))), 0x90
.Lsite_end\@:
  .pushsection .altinstructions, "a"
  .long .Lsite\@ - ., .Lnew\@ - .
  .short \feature
  .byte .Lsite_end\@ - .Lsite\@, .Lnew_end\@ - .Lnew\@
  .popsection
.endm

// The same with two features of which one is present.
.macro ALTERNATIVE_2 old, feature1, new1, feature2, new2
  .pushsection .altinstr_replacement, "ax"
.Lfirst\@:
  \new1
.Lfirst_end\@:
.Lsecond\@:
  \new2
.Lsecond_end\@:
  .popsection
.Lsite\@:
  \old
.Lold_end\@:
  .skip -(((.Lfirst_end\@ - .Lfirst\@) > (.Lold_end\@ - .Lsite\@)) * ((.Lfirst_end\@ - .Lfirst\@) - (.Lold_end\@ - .Lsite\@))), 0x90
.Lmiddle\@:
  .skip -(((.Lsecond_end\@ - .Lsecond\@) > (.Lmiddle\@ - .Lsite\@)) * ((.Lsecond_end\@ - .Lsecond\@) - (.Lmiddle\@ - .Lsite\@))), 0x90
.Lsite_end\@:
  .pushsection .altinstructions, "a"
  .long .Lsite\@ - ., .Lfirst\@ - .
  .short \feature1
  .byte .Lsite_end\@ - .Lsite\@, .Lfirst_end\@ - .Lfirst\@
  .long .Lsite\@ - ., .Lsecond\@ - .
  .short \feature2
  .byte .Lsite_end\@ - .Lsite\@, .Lsecond_end\@ - .Lsecond\@
  .popsection
.endm

.macro SWAPGS
  ALTERNATIVE "swapgs", FEATURE_XENPV, ""
.endm

// Xen means to clear DF behind a SYSCALL's frame, but since 4.17.5 it keeps its mask in a register that it has overwritten by then
// (xen/arch/x86/x86_64/entry.S, switch_to_kernel), and the user's DF comes through: Documentation/Findings/xen-pv-syscall-flags.md.
.macro XEN_LEAVES_DF
  cld
.endm

// What SYSENTER leaves of the user's flags, below ss and rsp. The instruction has cleared IF, which the user had set.
.macro PUSH_FLAGS_OF_SYSENTER
  pushfq
  orl $FLAGS_IF, (%rsp)
.endm

// One of R8 to R15 for 32-bit code, which has none: far code may see them, so they go out as zero (CVE-2009-2910).
.macro PUSH_ABSENT_REGISTER
  pushq $0
.endm

// With page tables of the user's own (Parts/PageTables.h): the kernel's, with GS the kernel's and RSP on the task's stack, and the user's again.
// RAX changes.
.macro ENTER_KERNEL_TABLES
.endm
.macro LEAVE_KERNEL_TABLES
.endm

// The last before SYSRET, with every register the user's: Parts/Guards.h.
.macro BEFORE_SYSRET
.endm

// Interrupts on bare metal, event upcalls under Xen. No register changes; RSP must be the kernel's to enable them.
.macro ENABLE_INTERRUPTS
  ALTERNATIVE "sti", FEATURE_XENPV, "call xen_irq_enable_direct"
.endm
.macro DISABLE_INTERRUPTS
  ALTERNATIVE "cli", FEATURE_XENPV, "movb $1, %gs:pcpu_upcall_mask"
.endm

// The kernel's record of whether interrupts are on. A design that keeps one defines IRQ_TRACING here, irq_tracing as 1, and
// the two functions, which change no register.
#ifdef IRQ_TRACING
.macro TRACE_IRQS_OFF
  ALTERNATIVE "", FEATURE_IRQ_TRACING, "call trace_hardirqs_off"
.endm
.macro TRACE_IRQS_ON
  ALTERNATIVE "", FEATURE_IRQ_TRACING, "call trace_hardirqs_on"
.endm
#else
.macro TRACE_IRQS_OFF
.endm
.macro TRACE_IRQS_ON
.endm
#endif

// What the code from \start up to \end takes for granted of interrupts: 0 they are off, 1 they are on. Limen compares.
.macro CLAIM_IRQS state, start, end
  .pushsection .limen.claims, "", @progbits
  .quad \start, \end
  .long \state, 0
  .popsection
.endm

// Below orig_rax: everything, RAX as given.
.macro PUSH_REGISTERS rax=%rax
  pushq %rdi
  pushq %rsi
  pushq %rdx
  pushq %rcx
  pushq \rax
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
.endm

// From the bottom of struct pt_regs up to orig_rax, which stays.
.macro POP_REGISTERS
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rax
  popq %rcx
  popq %rdx
  popq %rsi
  popq %rdi
.endm

// The registers that C preserves, into and from a struct pt_regs at RSP.
.macro SAVE_EXTRA_REGISTERS
  movq %rbx, PT_RBX(%rsp)
  movq %rbp, PT_RBP(%rsp)
  movq %r12, PT_R12(%rsp)
  movq %r13, PT_R13(%rsp)
  movq %r14, PT_R14(%rsp)
  movq %r15, PT_R15(%rsp)
.endm
.macro RESTORE_EXTRA_REGISTERS
  movq PT_RBX(%rsp), %rbx
  movq PT_RBP(%rsp), %rbp
  movq PT_R12(%rsp), %r12
  movq PT_R13(%rsp), %r13
  movq PT_R14(%rsp), %r14
  movq PT_R15(%rsp), %r15
.endm

// The others but RCX and R11, which SYSRET loads from.
.macro RESTORE_C_REGISTERS_EXCEPT_RCX_R11
  movq PT_R10(%rsp), %r10
  movq PT_R9(%rsp), %r9
  movq PT_R8(%rsp), %r8
  movq PT_RAX(%rsp), %rax
  movq PT_RDX(%rsp), %rdx
  movq PT_RSI(%rsp), %rsi
  movq PT_RDI(%rsp), %rdi
.endm

// Leaves to \failed unless RCX is an address of 48 bits, sign-extended. R11 changes.
.macro UNLESS_CANONICAL failed
  movq %rcx, %r11
  shlq $16, %r11
  sarq $16, %r11
  cmpq %rcx, %r11
  jne \failed
.endm

// Leaves to \failed unless SYSRET would restore what struct pt_regs at RSP says: RCX and R11 are what SYSCALL left there,
// the selectors are those that STAR gives, RIP does not make SYSRET fault in the kernel on Intel's processors (SDM vol. 2B,
// "SYSRET"), TF would not trap again at once, and RF, which SYSRET clears, is clear. RCX holds RIP and R11 RFLAGS then.
.macro OPPORTUNISTIC_SYSRET failed
  movq PT_RIP(%rsp), %rcx
  cmpq %rcx, PT_RCX(%rsp)
  jne \failed
  UNLESS_CANONICAL \failed
  cmpq $USER_CS, PT_CS(%rsp)
  jne \failed
  movq PT_RFLAGS(%rsp), %r11
  cmpq %r11, PT_R11(%rsp)
  jne \failed
  testq $(FLAGS_RF | FLAGS_TF), %r11
  jnz \failed
  cmpq $USER_DS, PT_SS(%rsp)
  jne \failed
.endm

// Does what is left to do before user mode, with interrupts off before and after; RSP is at a complete struct pt_regs.
.macro EXIT_WORK
.Lagain\@:
  movq PER_CPU(task), %rax
  testl $(WORK_SIGNAL | WORK_RESCHEDULE | WORK_SINGLE_STEP), TASK_work(%rax)
  jz .Lnone\@
  movq %rsp, %rdi
  call exit_work
.Lnone\@:
.endm

#endif
#endif
