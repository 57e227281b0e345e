// The language of the images: one CASE is one observation. See Tests/Privileged/README.md for a worked example.
#include "layout.h"

// Calls a C function of one argument (an immediate or a register other than RSP); every register survives.
  .macro CALL_C function:req, argument=$0
  pushq \argument
  pushq $\function
  call preserve_and_call
  .endm

// Starts a case: the world is reset, then what follows sets it up.
  .macro CASE name:req
  .pushsection .rodata
71:
  .asciz "\name"
  .popsection
  CALL_C case_begin, $71b
  movq %rsp, case_stack
  movq $79f, case_resume
  movq $72f, case_start
  pushq $2
  popfq
72:
  .endm

// Marks the instruction that addresses are shown relative to, as T+n. Without it, T is the first instruction after CASE.
  .macro AT
  movq $73f, case_start
73:
  .endm

// Ends a case and prints what was recorded.
  .macro END
  RESULT
  ENDLINE
  .endm

// The two halves of END, for cases that show more: VALUE between them.
  .macro RESULT
79:
  movq case_stack, %rsp
  CALL_C case_result
  .endm

  .macro ENDLINE
  CALL_C put_newline
  .endm

  .macro VALUE value:req
  CALL_C put_value, \value
  .endm

  .macro ADDRESS value:req
  CALL_C put_address_value, \value
  .endm

// Enters user mode at the code that follows, up to LEAVE.
  .macro USER64 flags=0x2, stack=$user_stack_top
  movq $75f, case_start
  pushq $RPL3(U_DATA)
  pushq \stack
  pushq $\flags
  pushq $RPL3(U_CODE64)
  pushq $75f
  iretq
  .pushsection .user.text, "ax"
75:
  .endm

  .macro USER32 flags=0x2, stack=$user_stack_top
  movq $75f, case_start
  pushq $RPL3(U_DATA)
  pushq \stack
  pushq $\flags
  pushq $RPL3(U_CODE32)
  pushq $75f
  iretq
  .pushsection .user.text, "ax"
  .code32
75:
  .endm

// Enters 32-bit code at privilege level 0, up to LEAVE.
  .macro KERNEL32
  movq $75f, case_start
  pushq $K_CODE32
  pushq $75f
  lretq
  .pushsection .text.compatibility, "ax"
  .code32
75:
  .endm

  .macro LEAVE
  int $FINISH
  .popsection
  .code64
  .endm

// Maps page `index` of the window to spare page 0 or 1 with these flags; RBX becomes its address.
  .macro MAP index:req, flags:req, page=0
  movabsq $\flags, %rbx
  addq $spare_page + 4096 * \page, %rbx
  movq %rbx, page_window + 8 * (\index)
  movl $WINDOW + 4096 * (\index), %ebx
  .endm

// What follows is logged: each event prints a line `name.n: ...` and returns where it came from, at most `limit` times.
  .macro LOG limit:req
  movq $\limit, case_log
  .endm

  .macro WRMSR msr:req, value:req
  movl $\msr, %ecx
  movabsq $\value, %rax
  movq %rax, %rdx
  shrq $32, %rdx
  wrmsr
  .endm

  .macro RDMSR msr:req
  movl $\msr, %ecx
  rdmsr
  shlq $32, %rdx
  orq %rdx, %rax
  .endm

  .macro SET_CR4 bits:req
  movq %cr4, %rax
  orq $\bits, %rax
  movq %rax, %cr4
  .endm

  .macro CLEAR_CR4 bits:req
  movq %cr4, %rax
  andq $~(\bits), %rax
  movq %rax, %cr4
  .endm

  .macro SET_CR0 bits:req
  movq %cr0, %rax
  orq $\bits, %rax
  movq %rax, %cr0
  .endm

  .macro CLEAR_CR0 bits:req
  movq %cr0, %rax
  andq $~(\bits), %rax
  movq %rax, %cr0
  .endm

// Writes one whole IDT gate. `access` is P, DPL and type as in byte 5.
  .macro GATE vector:req, access=0x8E, ist=0, selector=K_CODE64, target
  pushq %rax
  .ifb \target
  movq $stubs + 16 * (\vector), %rax
  .else
  movq $\target, %rax
  .endif
  movw %ax, idt + 16 * (\vector)
  movw $\selector, idt + 16 * (\vector) + 2
  movb $\ist, idt + 16 * (\vector) + 4
  movb $\access, idt + 16 * (\vector) + 5
  shrq $16, %rax
  movw %ax, idt + 16 * (\vector) + 6
  shrq $16, %rax
  movl %eax, idt + 16 * (\vector) + 8
  movl $0, idt + 16 * (\vector) + 12
  popq %rax
  .endm

// Shows RF too.
  .macro SHOW_RF
  movq $0x8D5, hidden_flags
  .endm

// The handler of logged events sets RF in the image, as one for instruction breakpoints must.
  .macro RESUME
  movq $FLAG_RF, log_flags_set
  .endm

// Loads a debug register with an address or value.
  .macro DEBUG register:req, value:req
  movabsq $\value, %rax
  movq %rax, %\register
  .endm
