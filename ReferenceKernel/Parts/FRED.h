// Flexible return and event delivery, where the processor has it: one entry for user mode, one for the kernel, four stacks, ERETU and
// ERETS. SDM vol. 2, "ERETS", "ERETU"; Documentation/FRED.md.
//
//     the top of a task's stack, a multiple of 64
//      -8   0
//     -16   event data            <- top_of_stack, as the rest of the kernel knows it: frame_padding is 16
//     -24   ss | what is said of the event << 16
//     -32   rsp
//     -40   rflags
//     -48   cs | stack level << 16
//     -56   rip
//     -64   error code, or 0      the rest of struct pt_regs lies below
//
//     THRESHOLD_START
//       FRED_START
//       ...                       // what another processor needs
//     THRESHOLD_START_END
//     FRED_ENTRY
//
// The stacks of levels 1 to 3 are nobody else's: #DB has level 1, NMI and #MC level 2, #DF level 3. What may stand in the place of a
// part is a macro that is named below and defined before.
#ifndef FRED_KERNEL_RETURN
#define FRED_KERNEL_RETURN FRED_ERETS
#endif
#ifndef FRED_IN_TRAP
#define FRED_IN_TRAP FRED_NOTHING
#endif
#ifndef FRED_IN_NMI
#define FRED_IN_NMI FRED_NOTHING
#endif
#ifndef FRED_BEHIND_SYSCALL
#define FRED_BEHIND_SYSCALL FRED_NOTHING
#endif

#define FRED_SS_SOFTWARE 0x20000
#define FRED_SS_NMI 0x40000
#define FRED_PADDING 16
// What IA32_FRED_RSP0 is known to hold.
#define PCPU_fred_rsp0 PCPU_threshold

.macro FRED_NOTHING
.endm

.macro FRED_REGISTER number
  movl $(\number), %ecx
  movq %rax, %rdx
  shrq $32, %rdx
  wrmsr
.endm

// Everything but the task's own stack. RAX, RCX and RDX change.
.macro FRED_SET_REGISTERS
  movq $fred_entry_user, %rax
  orq $0x40, %rax               // 64 bytes below RSP are left alone
  FRED_REGISTER 0x1d4
  movabsq $0x2000030024, %rax   // #DB 1, NMI 2, #DF 3, #MC 2
  FRED_REGISTER 0x1d0
  xorl %eax, %eax
  FRED_REGISTER 0x1cc
  .irp level, 1, 2, 3
  movq $fred_stacks + 8192 * \level, %rax
  FRED_REGISTER 0x1cc + \level
  .endr
.endm

.macro FRED_START
  movl $7, %eax
  xorl %ecx, %ecx
  cpuid
  testl %eax, %eax
  jz .Lnone\@
  movl $7, %eax
  movl $1, %ecx
  cpuid
  btl $17, %eax
  jnc .Lnone\@
  // ERETS wants the selector that the events of user mode leave.
  movl $KERNEL_DS, %eax
  movl %eax, %ss
  FRED_SET_REGISTERS
  movq $0, PER_CPU(fred_rsp0)
  movq %cr4, %rax
  btsq $32, %rax
  movq %rax, %cr4
  jmp fred_return_user
.Lnone\@:
.endm

.macro FRED_ERETS
  POP_REGISTERS
  .byte 0xf2, 0x0f, 0x01, 0xca
.endm

// DR6 from the event data, whether or not the processor writes it as well.
.macro FRED_DEBUG_STATUS
  cmpl $1, %esi
  jne .Lno_debug\@
  movq PT_SIZE(%rsp), %rax
  movq %rax, %dr6
.Lno_debug\@:
.endm

// Kind of the event in EAX, its vector in ESI.
.macro FRED_WHAT
  PUSH_REGISTERS
  movzbl PT_SS + 6(%rsp), %eax
  andl $15, %eax
  movzbl PT_SS + 4(%rsp), %esi
.endm

.macro FRED_NUMBER
  movq PT_RAX(%rsp), %rax
  movq %rax, PT_ORIG_RAX(%rsp)
  movq $-ENOSYS, PT_RAX(%rsp)
.endm

.macro FRED_CALL function
  movq %rsp, %rdi
  call \function
.endm

.macro FRED_ENTRY
  .globl frame_padding, fred_stacks, fred_entry_user, fred_entry_kernel
  .set frame_padding, FRED_PADDING

  .section .bss.pages, "aw", @nobits
  .balign 4096
fred_stacks: .skip 3 * 8192     // below each a guard page

  .section .text.fred, "ax"
  .balign 4096
fred_entry_user:
  FRED_WHAT
  jmp fred_user
  .balign 256
fred_entry_kernel:
  FRED_WHAT
  jmp fred_kernel
  .balign 256

fred_user:
  cmpl $7, %eax
  je fred_call
  cmpl $4, %eax
  je fred_int
  cmpl $2, %eax
  je fred_user_nmi
  testl %eax, %eax
  jz fred_user_interrupt
fred_user_exception:
  FRED_DEBUG_STATUS
  FRED_IN_TRAP
  FRED_CALL do_trap
  jmp fred_return_user
fred_user_interrupt:
  cmpl $0xff, %esi              // spurious
  je fred_return_user
  movq %rsi, PT_ORIG_RAX(%rsp)
  FRED_CALL do_interrupt
  jmp fred_return_user
// No work, which would let interrupts in.
fred_user_nmi:
  FRED_IN_NMI
  FRED_CALL do_nmi
  jmp fred_return_user_now

fred_int:
  cmpl $0x80, %esi
  je fred_int80
  leal -3(%rsi), %eax           // #BP and #OF
  cmpl $1, %eax
  jbe fred_user_exception
  // Any other is #GP, of the instruction that was not executed.
  leal 2(,%rsi,8), %eax
  movq %rax, PT_ORIG_RAX(%rsp)
  movzbl PT_SS + 7(%rsp), %eax
  shrl $4, %eax
  subq %rax, PT_RIP(%rsp)
  andl $~FRED_SS_SOFTWARE, PT_SS(%rsp)
  orl $FLAGS_RF, PT_RFLAGS(%rsp)
  movl $13, %esi
  jmp fred_user_exception
fred_int80:
  FRED_NUMBER
  sti
  FRED_CALL do_int80
  jmp fred_return_user

fred_call:
  FRED_NUMBER
  cmpl $2, %esi
  je fred_sysenter
  testb $2, PT_SS + 7(%rsp)     // 64-bit code
  jz fred_syscall32
fred_syscall:
  sti
fred_syscall_enabled:
  FRED_CALL do_syscall_64
fred_syscall_done:
  FRED_BEHIND_SYSCALL
  jmp fred_return_user
fred_syscall32:
  movl %eax, %eax
  movq %rax, PT_ORIG_RAX(%rsp)
  jmp fred_compat
fred_sysenter:
  movl %eax, %eax
  movq %rax, PT_ORIG_RAX(%rsp)
  movl PT_RBP(%rsp), %eax
  movq %rax, PT_RSP(%rsp)
fred_compat:
  sti
  FRED_CALL do_fast_syscall_32

fred_return_user:
  cli
  EXIT_WORK
fred_return_user_now:
  movq PER_CPU(top_of_stack), %rax
  addq $FRED_PADDING, %rax
  cmpq %rax, PER_CPU(fred_rsp0)
  je fred_return_registers
  movq %rax, PER_CPU(fred_rsp0)
  FRED_REGISTER 0x1cc
fred_return_registers:
  POP_REGISTERS
fred_eretu:
  .byte 0xf3, 0x0f, 0x01, 0xca

fred_kernel:
  cmpl $2, %eax
  je fred_kernel_nmi
  testl %eax, %eax
  jz fred_kernel_interrupt
  cmpl $3, %esi                 // a breakpoint of the kernel's own
  je fred_return_kernel
  leaq fred_eretu(%rip), %rax
  cmpq %rax, PT_RIP(%rsp)
  jne fred_kernel_exception
  .irp vector, 1, 8, 18
  cmpl $\vector, %esi
  je fred_kernel_exception
  .endr
  jmp fred_bad_return
fred_kernel_exception:
  FRED_DEBUG_STATUS
  FRED_IN_TRAP
  FRED_CALL do_trap
  jmp fred_return_kernel
fred_kernel_interrupt:
  cmpl $0xff, %esi
  je fred_return_kernel
  movq %rsi, PT_ORIG_RAX(%rsp)
  FRED_CALL do_interrupt
  jmp fred_return_kernel
fred_kernel_nmi:
  FRED_IN_NMI
  FRED_CALL do_nmi
fred_return_kernel:
  FRED_KERNEL_RETURN

// ERETU refused the user's frame, with everything but RIP, CS, RFLAGS, RSP and SS the user's already. The frame goes to the top of the stack,
// as if the exception had come from user mode. If it was an NMI's, NMIs are still blocked, and a return of the kernel's lets them in.
fred_bad_return:
  movl %esi, %ebx
  addq $8, PT_RSP(%rsp)         // above the error code
  FRED_CALL move_bad_iret
  movq %rax, %rsp
  testl $FRED_SS_NMI, PT_SS(%rsp)
  jz fred_bad_return_unblocked
  andl $~FRED_SS_NMI, PT_SS(%rsp)
  movq %rsp, %rax
  pushq $0
  pushq $0
  pushq $(KERNEL_DS | FRED_SS_NMI)
  pushq %rax
  pushq $2
  pushq $KERNEL_CS
  leaq fred_bad_return_unblocked(%rip), %rax
  pushq %rax
  pushq $0
  .byte 0xf2, 0x0f, 0x01, 0xca
fred_bad_return_unblocked:
  movl %ebx, %esi
  jmp fred_user_exception

  CLAIM_IRQS 0, fred_entry_user, fred_user_exception
  CLAIM_IRQS 0, fred_int, fred_int80
  CLAIM_IRQS 0, fred_call, fred_syscall + 1
  CLAIM_IRQS 1, fred_syscall_enabled, fred_syscall_done
  CLAIM_IRQS 0, fred_return_user_now, fred_kernel
  .previous
.endm
