// SYSENTER and 32-bit SYSCALL where Xen joins behind the hardware frame: Linux 5.8, xen_sysenter_target and xen_syscall32_target.
// What SYSENTER does not save, and Xen does not know, is filled in by do_fast_syscall_32 from EBP.

// What of the user's flags the code that follows must not have. SYSENTER clears IF and nothing else.
#ifndef SYSENTER_CLEARS
#define SYSENTER_CLEARS (FLAGS_NT | FLAGS_AC)
#endif

// Where the word is that names the task's stack.
#ifndef COMPAT_STACK
#define COMPAT_STACK PER_CPU(top_of_stack)
#endif

// What a return by SYSRET to 32-bit code must find in the frame, or else go to \failed: the way of IRET, by which RIP and CS are loaded too.
#ifndef OPPORTUNISTIC_SYSRETL
.macro OPPORTUNISTIC_SYSRETL failed
  testl $(FLAGS_RF | FLAGS_TF), PT_RFLAGS(%rsp)
  jnz \failed
  cmpq $USER32_CS, PT_CS(%rsp)
  jne \failed
  cmpq $VDSO32, PT_RIP(%rsp)
  jne \failed
.endm
#endif

  .section .entry.text, "ax"
  .globl entry_SYSENTER_compat, entry_SYSCALL_compat, xen_sysenter_target, xen_syscall32_target
entry_SYSENTER_compat:
  swapgs
  movq COMPAT_STACK, %rsp
  pushq $USER_DS
  pushq $0
  PUSH_FLAGS_OF_SYSENTER
  pushq $USER32_CS
  pushq $0
entry_SYSENTER_join:
  cld
  movl %eax, %eax
  movl %ebp, %ebp
  movq %rbp, PT_RSP - PT_RIP(%rsp)
  testl $SYSENTER_CLEARS, PT_RFLAGS - PT_RIP(%rsp)
  jz compat_call
  pushq $2
  popfq
  jmp compat_call

entry_SYSCALL_compat:
  swapgs
  movl %esp, %r8d
  movq COMPAT_STACK, %rsp
  pushq $USER_DS
  pushq %r8
  pushq %r11
  pushq $USER32_CS
  pushq %rcx
entry_SYSCALL_compat_join:
  movl %eax, %eax
compat_call:
  pushq %rax
  pushq %rdi
  pushq %rsi
  pushq %rdx
  pushq %rcx
  pushq $-ENOSYS
  .rept 4
  PUSH_ABSENT_REGISTER
  .endr
  pushq %rbx
  pushq %rbp
  .rept 4
  PUSH_ABSENT_REGISTER
  .endr
  ENTER_KERNEL_TABLES
  ENABLE_INTERRUPTS
  movq %rsp, %rdi
  call do_fast_syscall_32
  DISABLE_INTERRUPTS
  EXIT_WORK
  ALTERNATIVE "", FEATURE_XENPV, "jmp return_to_user"
  OPPORTUNISTIC_SYSRETL failed=1f
  LEAVE_KERNEL_TABLES
  POP_REGISTERS
  movl PT_RIP - PT_ORIG_RAX(%rsp), %ecx
  movl PT_RFLAGS - PT_ORIG_RAX(%rsp), %r11d
  movq PT_RSP - PT_ORIG_RAX(%rsp), %rsp
  swapgs
  BEFORE_SYSRET
  sysretl
1:
  jmp return_to_user

  .pushsection .entry.text.xen, "ax"
.macro XEN_JOIN_COMPAT target, join
\target:
  XEN_LEAVES_DF
  popq %rcx
  popq %r11
  movq $USER_DS, PT_SS - PT_RIP(%rsp)
  movq $USER32_CS, PT_CS - PT_RIP(%rsp)
  jmp \join
.endm
  XEN_JOIN_COMPAT xen_sysenter_target, entry_SYSENTER_join
  XEN_JOIN_COMPAT xen_syscall32_target, entry_SYSCALL_compat_join
  .popsection
