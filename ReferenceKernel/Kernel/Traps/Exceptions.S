// Where traps and interrupts enter. Bare metal comes in at the plain names, by the IDT; Xen at the xen_ names, with RCX and
// R11 pushed below the hardware's frame (create_bounce_frame in xen/arch/x86/x86_64/entry.S), which are popped again.
//
//     bare metal                 Xen PV
//     ss                         ss
//     rsp                        rsp
//     rflags                     rflags, IF the opposite of the upcall mask
//     cs                         cs, RPL 0 for the kernel | upcall mask << 32
//     rip                        rip
//     [error code]               [error code]
//                                r11
//                                rcx        <- RSP
//
// A threshold may define those that are weak here itself.
// SDM vol. 3A, "64-Bit Mode Stack Frame", "Interrupt Stack Table".
#include "../threshold.h"

  .text
.macro TRAP vector, error=0
  .globl trap_\vector, xen_trap_\vector
xen_trap_\vector:
  popq %rcx
  popq %r11
trap_\vector:
  cld
  .if \error == 0
  pushq $0
  .endif
  PUSH_REGISTERS
  movl $\vector, %esi
  jmp exception
.endm

  TRAP 0
  TRAP 3
  TRAP 4
  TRAP 5
  TRAP 6
  TRAP 7
  TRAP 9
  TRAP 10, 1
  TRAP 11, 1
  TRAP 12, 1
  TRAP 13, 1
  TRAP 14, 1
  TRAP 16
  TRAP 17, 1
  TRAP 19

exception:
  testb $3, PT_CS(%rsp)
  jz exception_from_kernel
  SWAPGS
  .globl exception_from_user
exception_from_user:
  TRACE_IRQS_OFF
  movq %rsp, %rdi
  call do_trap
  jmp return_from_trap

exception_from_kernel:
  leaq native_iret(%rip), %rax
  cmpq %rax, PT_RIP(%rsp)
  je 1f
  movq %rsp, %rdi
  call do_trap
  jmp return_from_trap
// IRET refused the user's frame, with GS already the user's. The frame goes to the top of the stack, as if the exception
// had come from user mode.
1:
  swapgs
  movl %esi, %ebx
  movq %rsp, %rdi
  call move_bad_iret
  movq %rax, %rsp
  movl %ebx, %esi
  jmp exception_from_user

// Vectors with an interrupt stack of their own. They may arrive anywhere, so nothing is known of GS but its sign: a
// user's base is never in the upper half, as the kernel keeps CR4.FSGSBASE clear.
.macro IST_TRAP vector, error=0
  .globl trap_\vector
trap_\vector:
  cld
  .if \error == 0
  pushq $0
  .endif
  PUSH_REGISTERS
  movl $\vector, %ebp
  testb $3, PT_CS(%rsp)
  jz paranoid
  jmp leave_interrupt_stack
.endm

  IST_TRAP 1
  IST_TRAP 2
  IST_TRAP 8, 1
  IST_TRAP 18

// From user mode they go on where every trap does, on the task's stack.
leave_interrupt_stack:
  swapgs
  .globl leave_interrupt_stack_swapped
leave_interrupt_stack_swapped:
  movq PER_CPU(top_of_stack), %rdi
  subq $PT_SIZE, %rdi
  movq %rsp, %rsi
  movl $(PT_SIZE / 8), %ecx
  rep movsq
  leaq -PT_SIZE(%rdi), %rsp     // not before: whoever comes meanwhile can tell by RSP that the frame is still there
  movl %ebp, %esi
  cmpl $2, %esi
  jne exception_from_user
  // An NMI's return does no other work: it must not let interrupts in while NMIs are blocked.
  movq %rsp, %rdi
  call do_nmi
  jmp restore_registers_and_iret

paranoid:
  movl $0xc0000101, %ecx        // GS base
  rdmsr
  xorl %ebx, %ebx
  testl %edx, %edx
  js 1f
  swapgs
  incl %ebx
1:
  movq %rsp, %rdi
  movl %ebp, %esi
  cmpl $2, %esi
  je 2f
  call do_trap
  jmp 3f
2:
  call do_nmi
3:
  testl %ebx, %ebx
  jz 4f
  swapgs
4:
  POP_REGISTERS
  addq $8, %rsp
  iretq

// The same vectors under Xen, which has no such stacks: the frame is at the current RSP, and GS is always the kernel's.
.macro XEN_TRAP vector
  .weak xen_trap_\vector
xen_trap_\vector:
  popq %rcx
  popq %r11
  cld
  pushq $0
  PUSH_REGISTERS
  movl $\vector, %esi
  testb $3, PT_CS(%rsp)
  jnz exception_from_user
  movq %rsp, %rdi
  call do_trap
  jmp return_from_trap
.endm

  XEN_TRAP 1
  XEN_TRAP 18

  .weak xen_trap_2
xen_trap_2:
  popq %rcx
  popq %r11
  cld
  pushq $0
  PUSH_REGISTERS
  movq %rsp, %rdi
  call do_nmi
  POP_REGISTERS
  addq $8, %rsp
  jmp xen_iret

// The 16 lines of the two 8259s, and the local APIC's spurious interrupt.
  .balign 16
  .globl interrupt_stubs
interrupt_stubs:
  .set vector, 0x20
  .rept 16
  .balign 16
  pushq $vector
  jmp interrupt
  .set vector, vector + 1
  .endr
interrupt:
  cld
  PUSH_REGISTERS
  testb $3, PT_CS(%rsp)
  jz interrupt_taken
  swapgs
  .globl interrupt_taken
interrupt_taken:
  TRACE_IRQS_OFF
  movq %rsp, %rdi
  call do_interrupt
  jmp return_from_trap

  .globl interrupt_spurious
interrupt_spurious:
  iretq

// Xen's event upcall.
  .globl xen_event_callback
xen_event_callback:
  popq %rcx
  popq %r11
  cld
  pushq $0
  PUSH_REGISTERS
  TRACE_IRQS_OFF
  movq %rsp, %rdi
  call do_upcall
  jmp return_from_trap

// Xen could not load a segment of the user's when it switched to the virtual CPU, and has left it null. Above RCX and R11 lie the four selectors as they
// were to be loaded, DS, ES, FS and GS, and above them the frame (load_segments in xen/arch/x86/domain.c). The user goes on without.
  .weak xen_failsafe_callback
xen_failsafe_callback:
  popq %rcx
  popq %r11
  addq $32, %rsp
  cld
  pushq $0
  PUSH_REGISTERS
  TRACE_IRQS_OFF
  jmp return_from_trap

// INT 0x80. Its gate masks interrupts, on both platforms.
  .weak entry_INT80, xen_entry_INT80
xen_entry_INT80:
  popq %rcx
  popq %r11
entry_INT80:
  cld
  pushq %rax
  PUSH_REGISTERS $-ENOSYS
  SWAPGS
  TRACE_IRQS_OFF
  TRACE_IRQS_ON
  ENABLE_INTERRUPTS
  movq %rsp, %rdi
  call do_int80
  jmp return_from_trap
