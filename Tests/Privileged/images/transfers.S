// Far jumps, calls and returns by code segments and call gates, LLDT and LTR, and the instructions that ask about selectors.
// Intel SDM vol. 2A, "CALL—Call Procedure", "JMP—Jump", "LAR", "LSL", "LLDT", "LTR"; vol. 2B, "RET—Return From Procedure", "VERR/VERW";
// vol. 3A, "Call Gates in IA-32e Mode", "IA-32e Mode Call Gates", "Task Management in 64-bit Mode".
#include "case.h"

  // What the target finds: RSP, CS, SS, the quadword on top of the stack.
  .section .text.handlers, "ax"
  .globl gate_target, landmark
landmark:
gate_target:
  movl %cs, %r13d
  movl %ss, %r12d
  movq %rsp, %r14
  movq (%rsp), %r15
  int $FINISH
  .section .user.text, "ax"
user_target:
  movl %cs, %r13d
  movl %ss, %r12d
  movq %rsp, %r14
  movq -8(%rsp), %r15
  int $FINISH
  .code32
target32:
  movl %cs, %esi
  movl %ss, %edi
  int $FINISH
  .code64
  .text
  .macro CLEAR
  movl $0, %esi
  movl $0, %edi
  movl $0, %r12d
  movl $0, %r13d
  movl $0, %r14d
  movl $0, %r15d
  .endm
  .macro SHOW
  RESULT
  ADDRESS %r14
  VALUE %r13
  VALUE %r12
  ENDLINE
  .endm
  .macro SHOW_CALL
  RESULT
  ADDRESS %r14
  VALUE %r13
  VALUE %r12
  ADDRESS %r15
  ENDLINE
  .endm
  .macro POINTER64 selector, target
  .pushsection .user.data, "aw"
83:
  .quad \target
  .word \selector
  .popsection
  .endm
  .macro POINTER selector, target
  .pushsection .user.data, "aw"
84:
  .long \target
  .word \selector
  .popsection
  .endm
  .macro JUMP name, selector, target=gate_target, setup
  CASE "\name"
  POINTER \selector, \target
  \setup
  CLEAR
  AT
  ljmpl *84b
  SHOW
  .endm
  .macro CALL name, selector, target=gate_target, setup
  CASE "\name"
  POINTER \selector, \target
  GATE 12, ist=7
  \setup
  CLEAR
  AT
  lcalll *84b
  SHOW_CALL
  .endm
  .macro USER_JUMP name, selector, target=user_target
  CASE "\name"
  POINTER \selector, \target
  CLEAR
  USER64
  ljmpl *84b
  LEAVE
  SHOW
  .endm
  .macro USER_CALL name, selector, target=user_target, setup
  CASE "\name"
  POINTER \selector, \target
  GATE 12, ist=7
  \setup
  CLEAR
  USER64
  lcalll *84b
  LEAVE
  SHOW_CALL
  .endm
  .macro WITH_LOCAL
  movl $LOCAL_TABLE, %eax
  lldt %ax
  .endm

  .globl run_image
run_image:
  // Far jumps at level 0.
  JUMP "jmp", K_CODE64
  JUMP "jmp-rpl3", RPL3(K_CODE64)
  JUMP "jmp-execute-only", K_EXECUTE_ONLY
  JUMP "jmp-null", 0
  JUMP "jmp-null-rpl3", 3
  JUMP "jmp-data", K_DATA
  JUMP "jmp-absent", K_CODE64_ABSENT
  JUMP "jmp-user-code", U_CODE64
  JUMP "jmp-user-code-rpl3", RPL3(U_CODE64)
  JUMP "jmp-conforming", K_CONFORMING64
  JUMP "jmp-conforming-rpl3", RPL3(K_CONFORMING64)
  JUMP "jmp-conforming-dpl3", U_CONFORMING64
  JUMP "jmp-l-and-d", K_CODE_L_AND_D
  JUMP "jmp-beyond-limit", GDT_BYTES
  JUMP "jmp-local-without-table", LDT_CODE64_DPL3
  JUMP "jmp-local", LDT_CODE64_DPL3, setup=WITH_LOCAL
  JUMP "jmp-task", TASK2
  JUMP "jmp-task-busy", TASK
  JUMP "jmp-ldt", LOCAL_TABLE
  JUMP "jmp-code32", K_CODE32, target32
  JUMP "jmp-code32-dpl3", U_LIMIT_F_CODE32, target32
  JUMP "jmp-gate", GATE_DPL0, 0
  JUMP "jmp-gate-dpl3", GATE_DPL3, 0
  JUMP "jmp-gate-rpl3", RPL3(GATE_DPL0), 0
  JUMP "jmp-gate-absent", GATE_ABSENT, 0
  JUMP "jmp-gate-to-data", GATE_TO_DATA, 0
  JUMP "jmp-gate-to-code32", GATE_TO_CODE32, 0
  JUMP "jmp-gate-to-null", GATE_TO_NULL, 0
  JUMP "jmp-gate-to-conforming", GATE_TO_CONFORMING, 0
  JUMP "jmp-gate-to-absent-code", GATE_TO_ABSENT_CODE, 0
  JUMP "jmp-gate-noncanonical", GATE_NONCANONICAL, 0
  .macro UPPER_TYPE
  movb $1, gdt + GATE_DPL0 + 13
  .endm
  JUMP "jmp-gate-upper-type", GATE_DPL0, 0, UPPER_TYPE
  CASE "jmp-64-bit-pointer"
  POINTER64 K_CODE64, 0x123400000000 + gate_target
  CLEAR
  AT
  ljmpq *83b
  SHOW
  CASE "jmp-64-bit-pointer-plain"
  POINTER64 K_CODE64, gate_target
  CLEAR
  AT
  ljmpq *83b
  SHOW
  CASE "jmp-direct-64"
  AT
  .byte 0xEA
  .long 0
  .word K_CODE64
  END
  CASE "jmp-register-form"
  AT
  .byte 0xFF, 0xEB
  END

  // Far calls at level 0.
  CALL "call", K_CODE64
  CALL "call-code32", K_CODE32, target32
  CALL "call-data", K_DATA
  CALL "call-absent", K_CODE64_ABSENT
  CALL "call-user-code", U_CODE64
  CALL "call-gate", GATE_DPL0, 0
  CALL "call-gate-to-conforming", GATE_TO_CONFORMING, 0
  CALL "call-gate-noncanonical", GATE_NONCANONICAL, 0
  CALL "call-task", TASK2
  CASE "call-64-bit"
  POINTER64 K_CODE64, gate_target
  CLEAR
  AT
  lcallq *83b
  SHOW
  CASE "call-direct-64"
  AT
  .byte 0x9A
  .long 0
  .word K_CODE64
  END

  // At level 3.
  USER_JUMP "user-jmp", U_CODE64
  USER_JUMP "user-jmp-rpl3", RPL3(U_CODE64)
  USER_JUMP "user-jmp-kernel-code", K_CODE64
  USER_JUMP "user-jmp-conforming", K_CONFORMING64
  USER_JUMP "user-jmp-code32", U_CODE32, target32
  USER_JUMP "user-jmp-gate", GATE_DPL3, 0
  USER_JUMP "user-jmp-gate-dpl0", GATE_DPL0, 0
  USER_JUMP "user-jmp-gate-to-conforming", GATE_TO_CONFORMING, 0
  USER_CALL "user-call", U_CODE64
  USER_CALL "user-call-code32", U_CODE32, target32
  USER_CALL "user-call-kernel-code", K_CODE64
  USER_CALL "user-call-gate", GATE_DPL3, 0
  USER_CALL "user-call-gate-rpl3", RPL3(GATE_DPL3), 0
  USER_CALL "user-call-gate-dpl0", GATE_DPL0, 0
  USER_CALL "user-call-gate-absent", GATE_ABSENT, 0
  USER_CALL "user-call-gate-to-data", GATE_TO_DATA, 0
  USER_CALL "user-call-gate-to-code32", GATE_TO_CODE32, 0
  USER_CALL "user-call-gate-to-null", GATE_TO_NULL, 0
  USER_CALL "user-call-gate-to-absent-code", GATE_TO_ABSENT_CODE, 0
  USER_CALL "user-call-gate-noncanonical", GATE_NONCANONICAL, 0
  .macro RSP0_NONCANONICAL
  GATE 12, ist=1
  GATE 13, ist=1
  movabsq $0x0000800000001000, %rax
  movq %rax, task + 4
  .endm
  .macro RSP0_UNMAPPED
  GATE 14, ist=1
  movq $WINDOW + 0x1000, task + 4
  .endm
  USER_CALL "user-call-gate-rsp0-noncanonical", GATE_DPL3, 0, RSP0_NONCANONICAL
  USER_CALL "user-call-gate-rsp0-unmapped", GATE_DPL3, 0, RSP0_UNMAPPED
  // From 32-bit code the gate still leads to 64-bit code.
  CASE "user32-call-gate"
  POINTER GATE_DPL3, 0
  CLEAR
  USER32
  lcall $GATE_DPL3, $0
  LEAVE
  SHOW
  // The frame that a gate pushes: SS, RSP, CS, RIP, eight bytes each.
  CASE "user-call-gate-frame"
  CLEAR
  movq $frame_target, %rax
  movw %ax, gdt + GATE_DPL3
  shrq $16, %rax
  movw %ax, gdt + GATE_DPL3 + 6
  POINTER GATE_DPL3, 0
  USER64
  lcalll *84b
  LEAVE
  RESULT
  ADDRESS %rax
  VALUE %rbx
  ADDRESS %rcx
  VALUE %rdx
  ENDLINE
  .pushsection .text.handlers, "ax"
frame_target:
  movq (%rsp), %rax
  movq 8(%rsp), %rbx
  movq 16(%rsp), %rcx
  movq 24(%rsp), %rdx
  int $FINISH
  .popsection

  // Far returns.
  .macro FAR_RETURN name, selector, target, instruction=lretq, setup, ss=RPL3(U_DATA), rsp=user_stack_top
  CASE "\name"
  \setup
  CLEAR
  pushq $\ss
  movabsq $\rsp, %rax
  pushq %rax
  pushq $\selector
  movabsq $\target, %rax
  pushq %rax
  AT
  \instruction
  SHOW
  .endm
  FAR_RETURN "ret-same", K_CODE64, gate_target
  FAR_RETURN "ret-same-32", K_CODE32, target32
  FAR_RETURN "ret-null", 0, gate_target
  FAR_RETURN "ret-null-rpl3", 3, gate_target
  FAR_RETURN "ret-data", K_DATA, gate_target
  FAR_RETURN "ret-absent", K_CODE64_ABSENT, gate_target
  FAR_RETURN "ret-noncanonical", K_CODE64, 0x800000000000
  FAR_RETURN "ret-user-code-rpl0", U_CODE64, gate_target
  FAR_RETURN "ret-outer", RPL3(U_CODE64), user_target
  FAR_RETURN "ret-outer-32", RPL3(U_CODE32), target32
  FAR_RETURN "ret-outer-ss-null", RPL3(U_CODE64), user_target, ss=3
  FAR_RETURN "ret-outer-32-ss-null", RPL3(U_CODE32), target32, ss=3
  FAR_RETURN "ret-outer-ss-rpl0", RPL3(U_CODE64), user_target, ss=U_DATA
  FAR_RETURN "ret-outer-ss-absent", RPL3(U_CODE64), user_target, ss=RPL3(DATA_ABSENT_DPL3)
  FAR_RETURN "ret-outer-kernel-code", RPL3(K_CODE64), user_target
  FAR_RETURN "ret-outer-conforming-dpl0", RPL3(K_CONFORMING64), user_target
  FAR_RETURN "ret-outer-noncanonical", RPL3(U_CODE64), 0x800000000000
  CASE "ret-immediate"
  CLEAR
  pushq $0x11
  pushq $0x22
  pushq $K_CODE64
  pushq $gate_target
  AT
  lretq $16
  SHOW
  CASE "user-ret-to-kernel"
  CLEAR
  USER64
  pushq $K_CODE64
  pushq $gate_target
  lretq
  LEAVE
  SHOW

  // LLDT, LTR.
  .macro TABLE name, instruction, selector
  CASE "\name"
  movl $\selector, %eax
  AT
  \instruction %ax
  RESULT
  movl $0, %eax
  sldt %ax
  VALUE %rax
  str %ax
  VALUE %rax
  ENDLINE
  .endm
  TABLE "lldt", lldt, LOCAL_TABLE
  TABLE "lldt-rpl3", lldt, RPL3(LOCAL_TABLE)
  TABLE "lldt-null", lldt, 0
  TABLE "lldt-null-rpl3", lldt, 3
  TABLE "lldt-absent", lldt, LOCAL_TABLE_ABSENT
  TABLE "lldt-task", lldt, TASK
  TABLE "lldt-data", lldt, K_DATA
  TABLE "lldt-beyond-limit", lldt, GDT_BYTES
  TABLE "lldt-half-beyond-limit", lldt, GDT_BYTES-8
  TABLE "lldt-local", lldt, LDT_DATA_DPL3
  TABLE "ltr", ltr, TASK2
  TABLE "ltr-busy", ltr, TASK
  TABLE "ltr-null", ltr, 0
  TABLE "ltr-absent", ltr, TASK_ABSENT
  TABLE "ltr-data", ltr, K_DATA
  TABLE "ltr-table", ltr, LOCAL_TABLE
  TABLE "ltr-local", ltr, LDT_DATA_DPL3
  TABLE "ltr-beyond-limit", ltr, GDT_BYTES
  TABLE "ltr-upper-type", ltr, TASK_UPPER_TYPE
  CASE "ltr-sets-busy"
  movl $TASK2, %eax
  ltr %ax
  movzbl gdt + TASK2 + 5, %eax
  RESULT
  VALUE %rax
  ENDLINE
  .macro USER_DENIED name, instruction:vararg
  CASE "\name"
  movl $0, %eax
  USER64
  \instruction
  LEAVE
  END
  .endm
  USER_DENIED "user-lldt", lldt %ax
  USER_DENIED "user-ltr", ltr %ax
  USER_DENIED "user-lgdt", lgdt user_scratch
  USER_DENIED "user-lidt", lidt user_scratch
  CASE "user32-sldt-str"
  movl $-1, %eax
  movl $-1, %ecx
  USER32
  sldt %eax
  str %ecx
  LEAVE
  RESULT
  VALUE %rax
  VALUE %rcx
  ENDLINE
  CASE "user-sgdt-sidt"
  USER64
  sgdt user_scratch
  sidt user_scratch + 16
  LEAVE
  RESULT
  movzwl user_scratch, %eax
  VALUE %rax
  movzwl user_scratch + 16, %eax
  VALUE %rax
  movq user_scratch + 2, %rax
  subq $gdt, %rax
  VALUE %rax
  ENDLINE
  CASE "user-smsw"
  movq $-1, %rax
  USER64
  smswq %rax
  smsww %cx
  LEAVE
  RESULT
  VALUE %rax
  ENDLINE
  CASE "lgdt-noncanonical"
  subq $16, %rsp
  movw $0xFF, (%rsp)
  movabsq $0x800000000000, %rax
  movq %rax, 2(%rsp)
  AT
  lgdt (%rsp)
  END
  CASE "lidt-noncanonical"
  subq $16, %rsp
  movw $0xFFF, (%rsp)
  movabsq $0x800000000000, %rax
  movq %rax, 2(%rsp)
  AT
  lidt (%rsp)
  END
  CASE "user-lmsw"
  movl $0x33, %eax
  USER64
  lmsw %ax
  LEAVE
  END
  CASE "lmsw-cannot-clear-pe"
  movl $0x30, %eax
  lmsw %ax
  movq %cr0, %rax
  RESULT
  VALUE %rax
  ENDLINE

  // LAR, LSL, VERR, VERW: ZF and the value.
  .macro ASK name, selector, enter, leave
  CASE "\name"
  movl $\selector, %esi
  movq $-1, %rax
  movq $-1, %rdx
  movl $0, %r12d
  movl $0, %r13d
  movl $0, %r14d
  movl $0, %r15d
  \enter
  lar %esi, %eax
  sete %r12b
  lsl %esi, %edx
  sete %r13b
  verr %si
  sete %r14b
  verw %si
  sete %r15b
  \leave
  RESULT
  VALUE %r12
  VALUE %rax
  VALUE %r13
  VALUE %rdx
  VALUE %r14
  VALUE %r15
  ENDLINE
  .endm
  .macro ASK_KERNEL name, selector
  ASK "\name", \selector, AT, nop
  .endm
  .macro ASK_USER name, selector
  ASK "\name", \selector, USER64, LEAVE
  .endm
  ASK_KERNEL "ask-null", 0
  ASK_KERNEL "ask-code", K_CODE64
  ASK_KERNEL "ask-data", K_DATA
  ASK_KERNEL "ask-data-rpl3", RPL3(K_DATA)
  ASK_KERNEL "ask-user-data", RPL3(U_DATA)
  ASK_KERNEL "ask-read-only", K_READ_ONLY
  ASK_KERNEL "ask-execute-only", K_EXECUTE_ONLY
  ASK_KERNEL "ask-conforming-rpl3", RPL3(K_CONFORMING64)
  ASK_KERNEL "ask-absent", K_DATA_ABSENT
  ASK_KERNEL "ask-expand-down", U_EXPAND_DOWN
  ASK_KERNEL "ask-limit-f", U_LIMIT_F
  ASK_KERNEL "ask-task-busy", TASK
  ASK_KERNEL "ask-task-available", TASK2
  ASK_KERNEL "ask-table", LOCAL_TABLE
  ASK_KERNEL "ask-gate", GATE_DPL0
  ASK_KERNEL "ask-beyond-limit", GDT_BYTES
  ASK_KERNEL "ask-local-without-table", LDT_DATA_DPL3
  ASK_USER "ask-user-kernel-data", K_DATA
  ASK_USER "ask-user-own-data", RPL3(U_DATA)
  ASK_USER "ask-user-conforming", K_CONFORMING64
  ASK_USER "ask-user-dpl1", DATA_DPL1
  ASK_USER "ask-user-task", TASK
  ASK_USER "ask-user-gate-dpl3", GATE_DPL3
  CASE "arpl32"
  movl $U_DATA, %eax
  movl $3, %ecx
  USER32
  arpl %cx, %ax
  sete %bl
  LEAVE
  RESULT
  VALUE %rax
  movzbl %bl, %ebx
  VALUE %rbx
  ENDLINE
  ret
