// External interrupts and NMIs against the interrupt flag, its shadows, the task priority, HLT and the debug exceptions.
// They come from the local APIC, which sends them to itself.
// Intel SDM vol. 2B, "STI—Set Interrupt Flag"; vol. 3A, "Masking Maskable Hardware Interrupts", "Handling Multiple NMIs", "Priority Among
// Concurrent Events", "Issuing Interprocessor Interrupts", "Task Priority in IA-32e Mode".
#include "case.h"

  .set SPURIOUS, LAPIC + 0xF0
  .set COMMAND, LAPIC + 0x300
  .set COMMAND_HIGH, LAPIC + 0x310
  .set END_OF_INTERRUPT, LAPIC + 0xB0

  .section .text.handlers, "ax"
  .globl landmark
landmark:
landed:
  nop
  nop
  int $FINISH
acknowledge_50:
  pushq %rax
  movl $END_OF_INTERRUPT, %eax
  movl $0, (%rax)
  popq %rax
  jmp stubs + 16 * 0x50
acknowledge_60:
  pushq %rax
  movl $END_OF_INTERRUPT, %eax
  movl $0, (%rax)
  popq %rax
  jmp stubs + 16 * 0x60
drain_one:
  pushq %rax
  movl $END_OF_INTERRUPT, %eax
  movl $0, (%rax)
  popq %rax
  iretq
  .section .user.text, "ax"
user_landed:
  nop
  nop
  int $FINISH

  .text
  // Sends vector 0x50 or 0x60 to this processor while IF is 0, so that it waits.
  .macro SEND vector
  movl $COMMAND, %eax
  movl $0x44000 | \vector, (%rax)
  movl $1000, %ecx
64:
  loop 64b
  .endm
  .macro INTERRUPT name
  CASE "\name"
  movl $SPURIOUS, %eax
  movl $0x1FF, (%rax)
  GATE 0x50, target=acknowledge_50
  GATE 0x60, target=acknowledge_60
  SEND 0x50
  pushq $2
  popfq
  .endm
  // Takes what still waits, out of sight.
  .macro DRAIN
  GATE 0x50, target=drain_one
  GATE 0x60, target=drain_one
  movl $0, %eax
  movq %rax, %cr8
  sti
  nop
  nop
  nop
  cli
  .endm

  .globl run_image
run_image:
  INTERRUPT "sti"
  AT
  sti
  nop
  nop
  END
  INTERRUPT "sti-cli"
  AT
  sti
  cli
  nop
  RESULT
  ENDLINE
  DRAIN
  INTERRUPT "sti-sti"
  AT
  sti
  sti
  nop
  END
  INTERRUPT "if-clear"
  AT
  nop
  nop
  RESULT
  ENDLINE
  DRAIN
  INTERRUPT "popf"
  pushq $FLAG_IF | 2
  AT
  popfq
  nop
  nop
  END
  INTERRUPT "popf-with-if-already-waiting-under-cli"
  pushq $2
  AT
  popfq
  nop
  RESULT
  ENDLINE
  DRAIN
  INTERRUPT "sti-hlt"
  AT
  sti
  hlt
  nop
  END
  INTERRUPT "sti-fault"
  // The shadow covers the faulting instruction; the handler runs with IF clear.
  AT
  sti
  ud2
  RESULT
  ENDLINE
  DRAIN
  INTERRUPT "sti-int"
  AT
  sti
  int $0x40
  RESULT
  ENDLINE
  DRAIN
  INTERRUPT "iret"
  pushq $K_DATA
  pushq case_stack
  pushq $FLAG_IF | 2
  pushq $K_CODE64
  pushq $landed
  AT
  iretq
  END
  INTERRUPT "iret-to-user"
  pushq $RPL3(U_DATA)
  pushq $user_stack_top
  pushq $FLAG_IF | 2
  pushq $RPL3(U_CODE64)
  pushq $user_landed
  movq $user_landed, case_start
  iretq
  END
  INTERRUPT "sysret"
  movq $user_landed, %rcx
  movq %rcx, case_start
  movl $FLAG_IF | 2, %r11d
  movq $user_stack_top, %rsp
  sysretq
  END
  INTERRUPT "user-popf-iopl3"
  USER64 flags=0x3002
  pushq $0x3202
  popfq
  nop
  LEAVE
  END
  INTERRUPT "user-sti-iopl3"
  USER64 flags=0x3002
  sti
  nop
  nop
  LEAVE
  END
  INTERRUPT "interrupt-before-step"
  LOG 6
  pushq $2
  pushq $FLAG_IF | FLAG_TF | 2
  AT
  popfq
  nop
  popfq
  RESULT
  ENDLINE
  INTERRUPT "interrupt-before-exec-breakpoint"
  LOG 2
  DEBUG dr0, 83f
  DEBUG dr7, 0x401
  pushq $FLAG_IF | 2
  AT
  popfq
83:
  nop
  END
  CASE "two-waiting"
  movl $SPURIOUS, %eax
  movl $0x1FF, (%rax)
  GATE 0x50, target=acknowledge_50
  GATE 0x60, target=acknowledge_60
  SEND 0x50
  SEND 0x60
  LOG 4
  AT
  sti
  nop
  nop
  cli
  RESULT
  ENDLINE
  INTERRUPT "task-priority-blocks"
  movl $5, %eax
  movq %rax, %cr8
  AT
  sti
  nop
  nop
  cli
  RESULT
  ENDLINE
  DRAIN
  INTERRUPT "task-priority-lower-class"
  movl $4, %eax
  movq %rax, %cr8
  AT
  sti
  nop
  nop
  cli
  END
  DRAIN
  INTERRUPT "task-priority-lowered"
  movl $5, %eax
  movq %rax, %cr8
  movl $0, %eax
  sti
  nop
  nop
  AT
  movq %rax, %cr8
  nop
  nop
  END
  DRAIN
  CASE "task-priority-register"
  movl $7, %eax
  movq %rax, %cr8
  movl $LAPIC + 0x80, %ebx
  movl (%rbx), %ecx
  movl $0x30, (%rbx)
  movq %cr8, %rdx
  movl $0, (%rbx)
  RESULT
  VALUE %rcx
  VALUE %rdx
  ENDLINE
  // No error code, and the frame of an interrupt has RF clear.
  INTERRUPT "rf"
  SHOW_RF
  AT
  sti
  nop
  nop
  END
  // NMI: IF does not matter; until IRET another one waits.
  .macro SEND_NMI
  movl $COMMAND_HIGH, %eax
  movl $0, (%rax)
  movl $COMMAND, %eax
  movl $0x4400, (%rax)
  .endm
  .macro PAUSE
  movl $2000, %ecx
64:
  loop 64b
  .endm
  CASE "nmi-with-if-clear"
  movl $SPURIOUS, %eax
  movl $0x1FF, (%rax)
  GATE 2, target=count_nmi
  movl $0, %r12d
  SEND_NMI
  PAUSE
  RESULT
  VALUE %r12
  ENDLINE
  .pushsection .text.handlers, "ax"
count_nmi:
  incl %r12d
  iretq
  // Sends a second NMI and waits: it must not nest. R13 notes the count before the IRET.
nest_nmi:
  pushq %rcx
  incl %r12d
  cmpl $1, %r12d
  jne 1f
  SEND_NMI
  PAUSE
  movl %r12d, %r13d
1:
  popq %rcx
  iretq
  // The same, but an IRET of another handler inside opens the gate early.
nest_nmi_after_int:
  pushq %rcx
  incl %r12d
  cmpl $1, %r12d
  jne 1f
  SEND_NMI
  PAUSE
  movl %r12d, %r13d
  int $0x41
  PAUSE
  movl %r12d, %r14d
1:
  popq %rcx
  iretq
only_return:
  iretq
  .popsection
  CASE "nmi-blocked-until-iret"
  GATE 2, target=nest_nmi
  movl $0, %r12d
  movl $0, %r13d
  SEND_NMI
  PAUSE
  RESULT
  VALUE %r13
  VALUE %r12
  ENDLINE
  CASE "nmi-opened-by-inner-iret"
  GATE 2, target=nest_nmi_after_int
  GATE 0x41, target=only_return
  movl $0, %r12d
  movl $0, %r13d
  movl $0, %r14d
  SEND_NMI
  PAUSE
  RESULT
  VALUE %r13
  VALUE %r14
  VALUE %r12
  ENDLINE
  CASE "nmi-int-2-does-not-block"
  GATE 2, target=nest_nmi
  movl $0, %r12d
  movl $0, %r13d
  int $2
  PAUSE
  RESULT
  VALUE %r13
  VALUE %r12
  ENDLINE
  CASE "nmi-frame-user"
  GATE 2, ist=3, target=frame_nmi
  movl $0, %r12d
  movl $LAPIC + 0x300, %ebx
  orq $PTE_U, page_high + ((LAPIC >> 21) & 511) * 8
  invlpg (%rbx)
  movl $2000, %ecx
  USER64
  movl $0x4400, (%rbx)
76:
  loop 76b
  LEAVE
  RESULT
  ADDRESS %r12
  VALUE %r13
  VALUE %r14
  ENDLINE
  andq $~PTE_U, page_high + ((LAPIC >> 21) & 511) * 8
  .pushsection .text.handlers, "ax"
frame_nmi:
  movq %rsp, %r12
  movq 8(%rsp), %r13
  movq 32(%rsp), %r14
  iretq
  .popsection
  // The timer of the local APIC ends HLT.
  CASE "timer-wakes-hlt"
  movl $SPURIOUS, %eax
  movl $0x1FF, (%rax)
  movl $LAPIC + 0x3E0, %eax
  movl $0xB, (%rax)
  movl $LAPIC + 0x320, %eax
  movl $0x50, (%rax)
  GATE 0x50, target=acknowledge_50
  movl $LAPIC + 0x380, %eax
  movl $1000000, (%rax)
  AT
  sti
  hlt
  nop
  END
  ret
