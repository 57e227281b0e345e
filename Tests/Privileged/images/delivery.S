// Delivery through the IDT: gate types, privilege checks, error codes, stacks, flags, and faults met on the way.
// Intel SDM vol. 2A, "INT n/INTO/INT3/INT1—Call to Interrupt Procedure"; vol. 3A, "64-Bit Mode IDT", "64-Bit Mode Stack Frame",
// "Interrupt Stack Table", "Error Code", "Interrupt 8—Double Fault Exception (#DF)".
#include "case.h"

  // A handler that notes what it was entered with, then joins the stub of its vector.
  .macro WATCHER vector
  .pushsection .text.watchers, "ax"
watch_\vector:
  movq %rsp, %r14
  movl %cs, %r13d
  movl %ss, %r12d
  pushfq
  popq %r15
  andl $~0x8D5, %r15d
  jmp stubs + 16 * \vector
  .popsection
  .endm

  // Shows where the frame went, CS, SS and RFLAGS in the handler.
  .macro SHOW_ENTRY
  RESULT
  ADDRESS %r14
  VALUE %r13
  VALUE %r12
  VALUE %r15
  ENDLINE
  .endm

  .text
  .globl run_image
run_image:
  // Gate types and the DPL check of INT n.
  .macro GATE_CASE name, access, enter, vector=0x40
  CASE "\name"
  GATE \vector, access=\access
  \enter
  int $\vector
  LEAVE
  END
  .endm
  .macro GATE_CASE_KERNEL name, access, vector=0x40
  CASE "\name"
  GATE \vector, access=\access
  AT
  int $\vector
  END
  .endm
  GATE_CASE_KERNEL "int-interrupt-gate", 0x8E
  GATE_CASE_KERNEL "int-trap-gate", 0x8F
  GATE_CASE_KERNEL "int-absent", 0x0E
  GATE_CASE_KERNEL "int-absent-bad-type", 0x00
  GATE_CASE_KERNEL "int-task-gate", 0x85
  GATE_CASE_KERNEL "int-call-gate", 0x8C
  GATE_CASE_KERNEL "int-16-bit-gate", 0x86
  GATE_CASE_KERNEL "int-16-bit-trap-gate", 0x87
  GATE_CASE_KERNEL "int-data-descriptor", 0x92
  GATE_CASE "user-int-dpl0", 0x8E, USER64
  GATE_CASE "user-int-dpl2", 0xCE, USER64
  GATE_CASE "user-int-dpl3", 0xEE, USER64
  GATE_CASE "user-int-dpl3-trap", 0xEF, USER64
  GATE_CASE "user-int-dpl0-absent", 0x0E, USER64
  GATE_CASE "user-int-dpl3-absent", 0x6E, USER64
  GATE_CASE "user32-int-dpl0", 0x8E, USER32
  GATE_CASE "user32-int-dpl3", 0xEE, USER32
  GATE_CASE "user-int-13-dpl3", 0xEE, USER64, 13
  GATE_CASE "user-int-14-dpl0", 0x8E, USER64, 14
  GATE_CASE "user-int-8-dpl3", 0xEE, USER64, 8
  GATE_CASE "user-int-ff-dpl0", 0x8E, USER64, 0xFF

  // INT3, INTO, INT1 and the exceptions of the processor, against DPL 0 and 3.
  .macro SOFT name, vector, access, enter, instruction:vararg
  CASE "\name"
  GATE \vector, access=\access
  \enter
  \instruction
  LEAVE
  END
  .endm
  SOFT "user-int3-dpl0", 3, 0x8E, USER64, int3
  SOFT "user-int3-dpl3", 3, 0xEE, USER64, int3
  SOFT "user-cd03-dpl3", 3, 0xEE, USER64, .byte 0xCD, 3
  SOFT "user-int1-dpl0", 1, 0x8E, USER64, .byte 0xF1
  SOFT "user-int1-absent", 1, 0x6E, USER64, .byte 0xF1
  SOFT "user-int3-absent", 3, 0x6E, USER64, int3
  SOFT "user-into-64", 4, 0xEE, USER64, .byte 0xCE
  SOFT "user-ud2", 6, 0x8E, USER64, ud2
  SOFT "user-ud2-absent", 6, 0x6E, USER64, ud2
  SOFT "user-ud2-task-gate", 6, 0x85, USER64, ud2
  .macro INTO32 name, access, flags
  CASE "\name"
  GATE 4, access=\access
  USER32 flags=\flags
  into
  LEAVE
  END
  .endm
  INTO32 "user32-into-clear", 0x8E, 0x2
  INTO32 "user32-into-dpl0", 0x8E, 0x802
  INTO32 "user32-into-dpl3", 0xEE, 0x802
  INTO32 "user32-into-absent", 0x6E, 0x802

  // The IDT limit.
  .macro LIMIT name, limit, instruction:vararg
  CASE "\name"
  subq $16, %rsp
  movw $\limit, (%rsp)
  movq $idt, 2(%rsp)
  lidt (%rsp)
  AT
  \instruction
  END
  .endm
  LIMIT "limit-inside", 0x40F, int $0x40
  LIMIT "limit-cut", 0x40E, int $0x40
  LIMIT "limit-first-byte", 0x400, int $0x40
  LIMIT "limit-outside", 0x3FF, int $0x40
  LIMIT "limit-int1", 0xFF, int $0xFF

  // The code segment of the gate.
  .macro TARGET name, selector, instruction:vararg
  CASE "\name"
  GATE 0x40, access=0xEE, selector=\selector
  GATE 6, selector=\selector
  AT
  \instruction
  END
  .endm
  TARGET "target-null-int", 0, int $0x40
  TARGET "target-null-ud", 0, ud2
  TARGET "target-null-rpl3-int", 3, int $0x40
  TARGET "target-data-int", K_DATA, int $0x40
  TARGET "target-data-ud", K_DATA, ud2
  TARGET "target-absent-int", K_CODE64_ABSENT, int $0x40
  TARGET "target-absent-ud", K_CODE64_ABSENT, ud2
  TARGET "target-code32-int", K_CODE32, int $0x40
  TARGET "target-code32-ud", K_CODE32, ud2
  TARGET "target-l-and-d-int", K_CODE_L_AND_D, int $0x40
  TARGET "target-user-code-int", U_CODE64, int $0x40
  TARGET "target-rpl3-int", RPL3(K_CODE64), int $0x40
  TARGET "target-beyond-limit-int", GDT_BYTES, int $0x40
  TARGET "target-beyond-limit-ud", GDT_BYTES, ud2
  TARGET "target-local-int", LDT_CODE64_DPL3, int $0x40
  TARGET "target-task-int", TASK, int $0x40
  TARGET "target-execute-only-int", K_EXECUTE_ONLY, int $0x40

  // A conforming target keeps the privilege level: no stack switch.
  CASE "target-conforming-user-int"
  GATE 0x40, access=0xEE, selector=K_CONFORMING64, target=user_watch
  USER64
  int $0x40
  LEAVE
  SHOW_ENTRY
  .pushsection .user.text, "ax"
user_watch:
  movq %rsp, %r14
  movl %cs, %r13d
  movl %ss, %r12d
  pushfq
  popq %r15
  andl $~0x8D5, %r15d
  int $FINISH
  .popsection

  // Stacks: RSP0, the IST, the same privilege level; alignment to 16; null SS; flags cleared.
  WATCHER 64
  .macro STACK name, access=0xEE, ist=0, enter, flags=0x2, stack=$user_stack_top
  CASE "\name"
  GATE 64, access=\access, ist=\ist, target=watch_64
  \enter flags=\flags, stack=\stack
  int $64
  LEAVE
  SHOW_ENTRY
  .endm
  STACK "stack-rsp0", enter=USER64
  STACK "stack-rsp0-from-32", enter=USER32
  STACK "stack-ist1", ist=1, enter=USER64
  STACK "stack-ist7", ist=7, enter=USER64
  STACK "stack-user-unaligned", enter=USER64, stack="$user_stack_top - 3"
  STACK "stack-user-zero", enter=USER64, stack=$0
  STACK "flags-interrupt-gate", enter=USER64, flags=0x47602
  STACK "flags-trap-gate", access=0xEF, enter=USER64, flags=0x47602
  .macro STACK_KERNEL name, adjust, ist=0
  CASE "\name"
  GATE 64, ist=\ist, target=watch_64
  subq $\adjust, %rsp
  AT
  int $64
  SHOW_ENTRY
  .endm
  STACK_KERNEL "stack-same-level-0", 0
  STACK_KERNEL "stack-same-level-8", 8
  STACK_KERNEL "stack-same-level-3", 3
  STACK_KERNEL "stack-same-level-15", 15
  STACK_KERNEL "stack-same-level-ist2", 3, 2
  CASE "stack-rsp0-unaligned"
  subq $5, task + 4
  GATE 64, access=0xEE, target=watch_64
  USER64
  int $64
  LEAVE
  SHOW_ENTRY
  CASE "stack-ist-unaligned"
  subq $9, task + 0x24
  GATE 64, access=0xEE, ist=1, target=watch_64
  USER64
  int $64
  LEAVE
  SHOW_ENTRY
  CASE "stack-ss-null-kernel"
  xorl %eax, %eax
  movl %eax, %ss
  GATE 64, target=watch_64
  AT
  int $64
  SHOW_ENTRY
  // Kernel 32-bit code enters 64-bit code at the same level: SS stays.
  CASE "stack-from-kernel32"
  GATE 64, target=watch_64
  KERNEL32
  int $64
  LEAVE
  SHOW_ENTRY

  // The same for an exception with an error code.
  WATCHER 13
  CASE "stack-error-code"
  GATE 13, target=watch_13
  USER64
  hlt
  LEAVE
  SHOW_ENTRY
  CASE "stack-error-code-kernel-unaligned"
  GATE 13, target=watch_13
  subq $1, %rsp
  movl $RPL3(K_DATA), %eax
  AT
  movl %eax, %ds
  SHOW_ENTRY

  // Faults while delivering. A benign first event lets the second be delivered; two contributory ones, or a page fault first, make #DF.
  .macro SECOND name, vector, ist=0, access=0x8E, before="nop", instruction:vararg
  CASE "\name"
  GATE \vector, access=\access, ist=\ist
  GATE 8, ist=7
  GATE 12, ist=6
  movabsq $0x0000800000000000, %rax
  movq %rax, task + 0x24  // IST1 is not canonical
  movl $WINDOW + 0x1000, %eax
  movq %rax, task + 0x2C  // IST2 is not mapped
  movl $K_DATA | 3, %eax
  movl $WINDOW, %ebx
  AT
  \instruction
  END
  .endm
  SECOND "ud-then-np", 6, 0, 0x0E, , ud2
  SECOND "ud-then-gp", 6, 0, 0x85, , ud2
  SECOND "ud-then-ss", 6, 1, 0x8E, , ud2
  SECOND "ud-then-pf", 6, 2, 0x8E, , ud2
  SECOND "gp-then-np", 13, 0, 0x0E, , movl %eax, %ds
  SECOND "gp-then-ss", 13, 1, 0x8E, , movl %eax, %ds
  SECOND "gp-then-pf", 13, 2, 0x8E, , movl %eax, %ds
  SECOND "pf-then-np", 14, 0, 0x0E, , movl (%rbx), %eax
  SECOND "pf-then-gp", 14, 0, 0x85, , movl (%rbx), %eax
  SECOND "pf-then-ss", 14, 1, 0x8E, , movl (%rbx), %eax
  SECOND "pf-then-pf", 14, 2, 0x8E, , movl (%rbx), %eax
  SECOND "int-then-np", 64, 0, 0x0E, , int $64
  SECOND "int-then-ss", 64, 1, 0x8E, , int $64
  SECOND "int-then-pf", 64, 2, 0x8E, , int $64
  SECOND "bp-then-pf", 3, 2, 0x8E, , int3
  CASE "np-then-np"
  GATE 65, access=0x0E
  GATE 11, access=0x0E
  AT
  int $65
  END
  CASE "np-then-pf"
  GATE 65, access=0x0E
  GATE 11, ist=2
  movl $WINDOW + 0x1000, %eax
  movq %rax, task + 0x2C
  AT
  int $65
  END
  CASE "de-then-gp"
  GATE 0, access=0x85
  xorl %ecx, %ecx
  AT
  divl %ecx
  END
  CASE "user-pf-then-pf"
  GATE 8, ist=7
  movl $WINDOW + 0x1000, %eax
  movq %rax, task + 4
  movl $WINDOW, %ebx
  USER64
  movl (%rbx), %eax
  LEAVE
  END
  CASE "user-int-rsp0-unmapped"
  GATE 14, ist=2
  movl $WINDOW + 0x1000, %eax
  movq %rax, task + 4
  GATE 64, access=0xEE
  USER64
  int $64
  LEAVE
  END
  CASE "user-ud-rsp0-unmapped"
  GATE 14, ist=2
  movl $WINDOW + 0x1000, %eax
  movq %rax, task + 4
  USER64
  ud2
  LEAVE
  END
  CASE "user-int-rsp0-noncanonical"
  GATE 12, ist=2
  GATE 13, ist=3
  movabsq $0x0000800000001000, %rax
  movq %rax, task + 4
  GATE 64, access=0xEE
  USER64
  int $64
  LEAVE
  END
  CASE "user-ud-rsp0-noncanonical"
  GATE 12, ist=2
  GATE 13, ist=3
  movabsq $0x0000800000001000, %rax
  movq %rax, task + 4
  USER64
  ud2
  LEAVE
  END
  // A frame that crosses from the first non-mapped page: nothing is left half done, RSP of the interrupted code is whole.
  CASE "same-level-stack-unmapped"
  GATE 14, ist=2
  movq $WINDOW + 0x1000, %rsp
  AT
  int $64
  END
  CASE "same-level-stack-noncanonical"
  GATE 12, ist=2
  GATE 13, ist=3
  movabsq $0x0000800000000010, %rsp
  AT
  int $64
  END
  CASE "same-level-ud-stack-noncanonical"
  GATE 12, ist=2
  GATE 13, ist=3
  movabsq $0x0000900000000000, %rsp
  AT
  ud2
  END
  // The gate points nowhere: the fault comes after delivery, at the first fetch.
  CASE "handler-unmapped"
  GATE 64, target=WINDOW
  AT
  int $64
  END
  CASE "handler-noncanonical"
  GATE 64
  movw $0x8000, idt + 16 * 64 + 8
  AT
  int $64
  END
  CASE "task-register-limit"
  movw $0x2F, gdt + TASK
  andb $0xFD, gdt + TASK + 5
  movl $TASK, %eax
  ltr %ax
  GATE 64, ist=7
  AT
  int $64
  END
  CASE "task-register-limit-ud"
  movw $0x2F, gdt + TASK
  andb $0xFD, gdt + TASK + 5
  movl $TASK, %eax
  ltr %ax
  GATE 6, ist=7
  AT
  ud2
  END
  ret
