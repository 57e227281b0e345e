// The I/O APIC: its registers, and what becomes of an interrupt line that is wired to one of its pins. The lines are the serial
// port's (pin 4: its transmitter is empty whenever somebody wants to know) and the timer's (pin 2).
// Intel 82093AA data sheet, "I/O APIC Registers"; Intel SDM vol. 3A, "Handling Interrupts", "Signaling Interrupt Servicing
// Completion".
#include "case.h"

  .set IOAPIC, WINDOW
  .set IOAPIC_PAGE, 0xFEC00000
  .set SELECT, IOAPIC
  .set WINDOW_REGISTER, IOAPIC + 0x10
  .set SPURIOUS, LAPIC + 0xF0
  .set LOGICAL, LAPIC + 0xD0
  .set END_OF_INTERRUPT, LAPIC + 0xB0
  .set SERIAL, 0x3F8

  .set LEVEL, 1 << 15
  .set MASKED, 1 << 16
  .set REMOTE, 1 << 14
  .set LOGICAL_MODE, 1 << 11
  .set LOWEST, 1 << 8
  .set NONMASKABLE, 4 << 8

  .macro READ register
  movl $SELECT, %ebx
  movl $\register, (%rbx)
  movl $WINDOW_REGISTER, %ebx
  movl (%rbx), %eax
  .endm
  .macro WRITE register, value
  movl $SELECT, %ebx
  movl $\register, (%rbx)
  movl $WINDOW_REGISTER, %ebx
  movl $\value, (%rbx)
  .endm
  // The low half is the one that counts: the high half first.
  .macro PIN pin, low, high=0
  WRITE 0x11 + 2 * \pin, \high
  WRITE 0x10 + 2 * \pin, \low
  .endm
  .macro SERIAL_ASKS
  movw $SERIAL + 4, %dx
  movb $0x0B, %al
  outb %al, %dx
  movw $SERIAL + 1, %dx
  movb $2, %al
  outb %al, %dx
  .endm
  .macro SERIAL_RESTS
  movw $SERIAL + 1, %dx
  movb $0, %al
  outb %al, %dx
  .endm
  // The I/O APIC's page is the window's first.
  .macro SHOW_IOAPIC
  movl $IOAPIC_PAGE, %eax
  orq $PTE_P | PTE_W, %rax
  movq %rax, page_window
  invlpg IOAPIC
  .endm
  // Nothing is asked, nothing is let through, nothing waits.
  .macro QUIET
  SERIAL_RESTS
  PIN 4, MASKED
  PIN 2, MASKED
  GATE 0x50, target=drain_one
  sti
  nop
  nop
  cli
  GATE 0x50, target=serve
  .endm

  .section .text.handlers, "ax"
  .globl landmark
landmark:
  nop
drain_one:
  pushq %rax
  movl $END_OF_INTERRUPT, %eax
  movl $0, (%rax)
  popq %rax
  iretq
// Quiets the line, and ends the interrupt.
serve:
  pushq %rax
  pushq %rdx
  SERIAL_RESTS
  movl $END_OF_INTERRUPT, %eax
  movl $0, (%rax)
  popq %rdx
  popq %rax
  jmp stubs + 16 * 0x50
// Ends the interrupt twice while its line stays as it is, then quiets it.
serve_late:
  pushq %rax
  pushq %rdx
  incl rounds
  movl $END_OF_INTERRUPT, %eax
  cmpl $3, rounds
  jb 64f
  SERIAL_RESTS
64:
  movl $END_OF_INTERRUPT, %eax
  movl $0, (%rax)
  popq %rdx
  popq %rax
  iretq
// Counts, and ends nothing.
take:
  incl rounds
  iretq
quiet_nmi:
  pushq %rax
  pushq %rdx
  incl rounds
  SERIAL_RESTS
  popq %rdx
  popq %rax
  iretq
  .bss
rounds:
  .long 0

  .text
  .macro INTERRUPT name
  CASE "\name"
  SHOW_IOAPIC
  movl $SPURIOUS, %eax
  movl $0x1FF, (%rax)
  movl $LOGICAL, %eax
  movl $0x01000000, (%rax)
  QUIET
  .endm
  // Waits until something has counted a round, for as long as a slow machine may take, and shows that it did.
  .macro AWAIT
  movl $100000000, %ecx
64:
  cmpl $0, rounds
  jne 65f
  loop 64b
65:
  cli
  movl $END_OF_INTERRUPT, %eax
  movl $0, (%rax)
  movl rounds, %r15d
  RESULT
  VALUE %r15
  ENDLINE
  .endm
  .macro LOOK
  AT
  sti
  nop
  nop
  nop
  cli
  RESULT
  .endm

  .globl run_image
run_image:
  INTERRUPT "last-entry"
  READ 1
  andl $0xFF0000, %eax
  movq %rax, %r15
  RESULT
  VALUE %r15
  ENDLINE
  INTERRUPT "select"
  movl $SELECT, %ebx
  movl $0x18, (%rbx)
  movl (%rbx), %r15d
  RESULT
  VALUE %r15
  ENDLINE
  INTERRUPT "entry"
  PIN 5, MASKED | LEVEL | LOWEST | 0x77, 0xAB000000
  READ 0x1A
  movl %eax, %r14d
  READ 0x1B
  movl %eax, %r15d
  RESULT
  VALUE %r14
  VALUE %r15
  ENDLINE
  INTERRUPT "entry-read-only-bits"
  PIN 5, MASKED | REMOTE | 1 << 12 | 0x77
  READ 0x1A
  movl %eax, %r15d
  RESULT
  VALUE %r15
  ENDLINE

  INTERRUPT "edge"
  PIN 4, 0x50
  SERIAL_ASKS
  LOOK
  ENDLINE
  INTERRUPT "edge-once"
  PIN 4, 0x50
  LOG 3
  SERIAL_ASKS
  LOOK
  ENDLINE
  INTERRUPT "edge-while-masked-is-lost"
  PIN 4, MASKED | 0x50
  SERIAL_ASKS
  PIN 4, 0x50
  LOOK
  ENDLINE
  INTERRUPT "edge-falls-before-it-is-taken"
  PIN 4, 0x50
  SERIAL_ASKS
  SERIAL_RESTS
  LOOK
  ENDLINE
  INTERRUPT "edge-lowest-priority"
  PIN 4, LOWEST | 0x50
  SERIAL_ASKS
  LOOK
  ENDLINE
  INTERRUPT "edge-nmi"
  PIN 4, NONMASKABLE
  GATE 2, target=quiet_nmi
  movl $0, rounds
  SERIAL_ASKS
  AWAIT
  INTERRUPT "timer"
  PIN 2, 0x50
  GATE 0x50, target=take
  movl $0, rounds
  movb $0x30, %al
  outb %al, $0x43
  movb $0x10, %al
  outb %al, $0x40
  movb $0, %al
  outb %al, $0x40
  sti
  AWAIT

  INTERRUPT "level"
  PIN 4, LEVEL | 0x50
  LOG 3
  SERIAL_ASKS
  LOOK
  ENDLINE
  INTERRUPT "level-stays"
  PIN 4, LEVEL | 0x50
  GATE 0x50, target=serve_late
  movl $0, rounds
  SERIAL_ASKS
  sti
  nop
  nop
  nop
  nop
  cli
  movl rounds, %r15d
  RESULT
  VALUE %r15
  ENDLINE
  INTERRUPT "level-not-ended"
  PIN 4, LEVEL | 0x50
  GATE 0x50, target=take
  movl $0, rounds
  SERIAL_ASKS
  sti
  nop
  nop
  cli
  READ 0x18
  andl $REMOTE, %eax
  movq %rax, %r15
  SERIAL_RESTS
  movl $END_OF_INTERRUPT, %eax
  movl $0, (%rax)
  READ 0x18
  andl $REMOTE, %eax
  movq %rax, %r14
  movl rounds, %r13d
  RESULT
  VALUE %r15
  VALUE %r14
  VALUE %r13
  ENDLINE
  INTERRUPT "level-unmasked"
  PIN 4, MASKED | LEVEL | 0x50
  LOG 3
  SERIAL_ASKS
  PIN 4, LEVEL | 0x50
  LOOK
  ENDLINE

  INTERRUPT "logical"
  PIN 4, LOGICAL_MODE | 0x50, 0x01000000
  SERIAL_ASKS
  LOOK
  ENDLINE
  INTERRUPT "logical-of-another"
  PIN 4, LOGICAL_MODE | 0x50, 0x02000000
  SERIAL_ASKS
  LOOK
  ENDLINE
  INTERRUPT "physical-of-another"
  PIN 4, 0x50, 0x05000000
  SERIAL_ASKS
  LOOK
  ENDLINE
  INTERRUPT "physical-to-all"
  PIN 4, 0x50, 0xFF000000
  SERIAL_ASKS
  LOOK
  ENDLINE
  CASE "end"
  SHOW_IOAPIC
  movl $SPURIOUS, %eax
  movl $0x1FF, (%rax)
  QUIET
  END
  ret
