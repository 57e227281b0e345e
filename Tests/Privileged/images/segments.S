// Loading DS, ES, FS, GS and SS with every kind of selector, at privilege levels 0 and 3, in 64-bit and 32-bit code, and what
// the loaded descriptor then allows.
// Intel SDM vol. 2A, "MOV—Move" and "LDS/LES/LFS/LGS/LSS—Load Far Pointer"; vol. 3A, "Segment Selectors", "Type Checking",
// "Null Segment Selector Checking", "Limit Checking", "Segment Loading Instructions in IA-32e Mode".
#include "case.h"

  .text
  .globl run_image
run_image:
  // At privilege level 0, 64-bit code.
  .macro LOAD name, register, selector
  CASE "\name"
  movl $\selector, %eax
  AT
  movl %eax, %\register
  RESULT
  movl %\register, %ebx
  VALUE %rbx
  ENDLINE
  .endm

  LOAD "ds-null", ds, 0
  LOAD "ds-null-rpl3", ds, 3
  LOAD "es-null-rpl1", es, 1
  LOAD "fs-null-rpl2", fs, 2
  LOAD "ds-data", ds, K_DATA
  LOAD "ds-data-rpl3", ds, RPL3(K_DATA)
  LOAD "ds-user-data", ds, U_DATA
  LOAD "ds-user-data-rpl3", ds, RPL3(U_DATA)
  LOAD "ds-dpl1-rpl1", ds, (DATA_DPL1 | 1)
  LOAD "ds-dpl1-rpl2", ds, (DATA_DPL1 | 2)
  LOAD "ds-read-only", ds, K_READ_ONLY
  LOAD "ds-code-readable", ds, K_CODE64
  LOAD "ds-code-readable-rpl3", ds, RPL3(K_CODE64)
  LOAD "ds-conforming-rpl3", ds, RPL3(K_CONFORMING64)
  LOAD "ds-execute-only", ds, K_EXECUTE_ONLY
  LOAD "ds-absent", ds, K_DATA_ABSENT
  LOAD "ds-absent-rpl3", ds, RPL3(K_DATA_ABSENT)
  LOAD "ds-absent-dpl3-rpl3", ds, RPL3(DATA_ABSENT_DPL3)
  LOAD "ds-task", ds, TASK
  LOAD "ds-call-gate", ds, GATE_DPL3
  LOAD "ds-beyond-limit", ds, GDT_BYTES
  LOAD "ds-local-without-table", ds, LDT_DATA_DPL3
  LOAD "es-data-rpl3", es, RPL3(K_DATA)
  LOAD "es-absent", es, K_DATA_ABSENT
  LOAD "fs-execute-only", fs, K_EXECUTE_ONLY
  LOAD "gs-absent", gs, K_DATA_ABSENT
  LOAD "ss-null", ss, 0
  LOAD "ss-null-rpl3", ss, 3
  LOAD "ss-null-rpl1", ss, 1
  LOAD "ss-data", ss, K_DATA
  LOAD "ss-data-rpl3", ss, RPL3(K_DATA)
  LOAD "ss-user-data", ss, U_DATA
  LOAD "ss-user-data-rpl3", ss, RPL3(U_DATA)
  LOAD "ss-dpl1", ss, DATA_DPL1
  LOAD "ss-read-only", ss, K_READ_ONLY
  LOAD "ss-code", ss, K_CODE64
  LOAD "ss-absent", ss, K_DATA_ABSENT
  LOAD "ss-task", ss, TASK
  LOAD "ss-beyond-limit", ss, GDT_BYTES
  LOAD "ss-local-without-table", ss, LDT_DATA_DPL0

  // With a local descriptor table.
  .macro LOAD_LOCAL name, register, selector
  CASE "\name"
  movl $LOCAL_TABLE, %eax
  lldt %ax
  movl $\selector, %eax
  AT
  movl %eax, %\register
  RESULT
  movl %\register, %ebx
  VALUE %rbx
  ENDLINE
  .endm
  LOAD_LOCAL "ds-local", ds, LDT_DATA_DPL3
  LOAD_LOCAL "ds-local-absent", ds, LDT_ABSENT
  LOAD_LOCAL "ds-local-dpl0-rpl3", ds, (LDT_DATA_DPL0 | 3)
  LOAD_LOCAL "ds-local-beyond-limit", ds, (LDT_BYTES | 4)
  LOAD_LOCAL "ss-local", ss, LDT_DATA_DPL0
  LOAD_LOCAL "ss-local-absent", ss, LDT_ABSENT

  // MOV to CS is no instruction.
  CASE "cs-mov"
  movl $K_CODE64, %eax
  AT
  .byte 0x8E, 0xC8  // mov %eax, %cs
  END

  // The forms that load from memory.
  CASE "ss-lss"
  pushq $0
  movl $K_DATA, 4(%rsp)
  movl $0x1234, (%rsp)
  movq %rsp, %rbx
  AT
  lssl (%rbx), %esp
  movq %rsp, %rax
  movq %rbx, %rsp
  RESULT
  VALUE %rax
  ENDLINE
  CASE "ss-lss-absent"
  pushq $0
  movl $K_DATA_ABSENT, 4(%rsp)
  movl $0x1234, (%rsp)
  movq %rsp, %rbx
  AT
  lssl (%rbx), %esp
  RESULT
  ENDLINE
  CASE "gs-lgs-64"
  pushq $RPL3(U_DATA)
  movabsq $0x123456789ABCDEF0, %rax
  pushq %rax
  AT
  lgsq (%rsp), %rcx
  RESULT
  VALUE %rcx
  movl %gs, %ecx
  VALUE %rcx
  ENDLINE
  CASE "fs-lfs-refused-keeps-register"
  pushq $RPL3(K_DATA)
  pushq $0x77
  movl $0x55, %ecx
  AT
  lfsq (%rsp), %rcx
  RESULT
  VALUE %rcx
  ENDLINE
  CASE "fs-pop"
  pushq $RPL3(U_DATA)
  AT
  popq %fs
  RESULT
  movl %fs, %ecx
  VALUE %rcx
  ENDLINE
  CASE "fs-pop-refused-keeps-stack"
  pushq $RPL3(K_DATA)
  AT
  popq %fs
  END
  CASE "push-fs-writes-8-bytes"
  movabsq $0x1111111111111111, %rax
  movl $RPL3(U_DATA), %ecx
  movl %ecx, %fs
  pushq %rax
  addq $8, %rsp
  pushq %fs
  popq %rax
  RESULT
  VALUE %rax
  ENDLINE

  // The accessed bit is set by the load.
  CASE "accessed-bit"
  andb $0xFE, gdt + U_DATA + 5
  movl $U_DATA, %eax
  movl %eax, %ds
  RESULT
  movzbl gdt + U_DATA + 5, %eax
  VALUE %rax
  ENDLINE
  // Not K_DATA, which the return from the #GP loads into SS.
  CASE "accessed-bit-refused"
  andb $0xFE, gdt + DATA_DPL1 + 5
  movl $RPL3(DATA_DPL1), %eax
  AT
  movl %eax, %ds
  RESULT
  movzbl gdt + DATA_DPL1 + 5, %eax
  VALUE %rax
  ENDLINE

  // FS and GS bases: a descriptor gives 32 bits and clears the upper half; a null selector depends on the vendor.
  CASE "fs-base-from-descriptor"
  WRMSR MSR_FS_BASE, 0x123456789000
  movl $U_BASED, %eax
  movl %eax, %fs
  RDMSR MSR_FS_BASE
  subq $user_pages_start, %rax
  RESULT
  VALUE %rax
  ENDLINE
  CASE "fs-base-after-null"
  WRMSR MSR_FS_BASE, 0x123456789000
  xorl %eax, %eax
  movl %eax, %fs
  RDMSR MSR_FS_BASE
  RESULT
  VALUE %rax
  ENDLINE
  CASE "gs-base-after-null"
  WRMSR MSR_GS_BASE, 0x123456789000
  WRMSR MSR_KERNEL_GS_BASE, 0x1111
  movl $3, %eax
  movl %eax, %gs
  RDMSR MSR_GS_BASE
  movq %rax, %rbx
  RDMSR MSR_KERNEL_GS_BASE
  RESULT
  VALUE %rbx
  VALUE %rax
  ENDLINE

  // In 64-bit mode the bases and limits of DS, ES and SS do not exist, and a null selector stops nobody.
  CASE "ds-base-ignored"
  movl $U_BASED, %eax
  movl %eax, %ds
  movl user_scratch, %eax
  END
  CASE "ds-null-access"
  movl user_scratch, %eax
  END
  CASE "fs-null-access"
  movl %fs:user_scratch, %eax
  END
  CASE "es-limit-ignored"
  movl $U_LIMIT_F, %eax
  movl %eax, %es
  movl %es:user_scratch, %eax
  END
  CASE "fs-limit-ignored"
  movl $U_LIMIT_F, %eax
  movl %eax, %fs
  movl %fs:user_scratch, %eax
  END
  CASE "cs-write-64"
  movl %eax, %cs:user_scratch
  END
  CASE "ds-read-only-write-64"
  movl $K_READ_ONLY, %eax
  movl %eax, %ds
  movl %eax, user_scratch
  END

  // At privilege level 3, 64-bit code.
  .macro LOAD_USER name, register, selector
  CASE "\name"
  movl $\selector, %eax
  USER64
  movl %eax, %\register
  LEAVE
  RESULT
  movl %\register, %ebx
  VALUE %rbx
  ENDLINE
  .endm
  LOAD_USER "user-ds-null", ds, 0
  LOAD_USER "user-ds-data-rpl3", ds, RPL3(U_DATA)
  LOAD_USER "user-ds-data-rpl0", ds, U_DATA
  LOAD_USER "user-ds-kernel-data", ds, K_DATA
  LOAD_USER "user-ds-kernel-data-rpl3", ds, RPL3(K_DATA)
  LOAD_USER "user-ds-dpl1", ds, DATA_DPL1
  LOAD_USER "user-fs-kernel-code", fs, K_CODE64
  LOAD_USER "user-fs-conforming", fs, K_CONFORMING64
  LOAD_USER "user-gs-absent-dpl3", gs, RPL3(DATA_ABSENT_DPL3)
  LOAD_USER "user-gs-absent-dpl0", gs, K_DATA_ABSENT
  .macro LOAD_USER_SS name, selector, enter=USER64
  CASE "\name"
  movl $\selector, %eax
  \enter
  movl %eax, %ss
  movl %ss, %ebx
  LEAVE
  RESULT
  VALUE %rbx
  ENDLINE
  .endm
  movl $0, %ebx
  LOAD_USER_SS "user-ss-null-rpl0", 0
  LOAD_USER_SS "user-ss-null-rpl3", 3
  LOAD_USER_SS "user-ss-data", RPL3(U_DATA)
  LOAD_USER_SS "user-ss-data-rpl0", U_DATA
  LOAD_USER_SS "user-ss-kernel-data-rpl3", RPL3(K_DATA)
  LOAD_USER_SS "user-ss-absent", RPL3(DATA_ABSENT_DPL3)
  // The same in compatibility mode, where SS may never be null.
  LOAD_USER_SS "user32-ss-null-rpl3", 3, USER32
  LOAD_USER_SS "user32-ss-data", RPL3(U_DATA), USER32
  LOAD_USER_SS "user32-ss-data-rpl0", U_DATA, USER32

  // What the descriptors allow in compatibility mode.
  .macro ACCESS32 name, selector, instruction:vararg
  CASE "\name"
  movl $\selector, %eax
  movl %eax, %ds
  xorl %ebx, %ebx
  USER32
  \instruction
  LEAVE
  END
  .endm
  ACCESS32 "user32-null-read", 3, movl (%ebx), %eax
  ACCESS32 "user32-null-write", 3, movl %eax, (%ebx)
  ACCESS32 "user32-limit-inside", RPL3(U_LIMIT_F), testb $1, %ss:user_scratch
  ACCESS32 "user32-limit-crossed", RPL3(U_LIMIT_F), movl 0xD(%ebx), %eax
  ACCESS32 "user32-limit-outside", RPL3(U_LIMIT_F), movb 0x10(%ebx), %al
  ACCESS32 "user32-limit-wrapped", RPL3(U_LIMIT_F), movl -4(%ebx), %eax
  ACCESS32 "user32-expand-down-below", RPL3(U_EXPAND_DOWN), movl 0x100(%ebx), %eax
  ACCESS32 "user32-expand-down-at-limit", RPL3(U_EXPAND_DOWN), movb 0xFFFF(%ebx), %al
  ACCESS32 "user32-expand-down-above", RPL3(U_EXPAND_DOWN), movl user_scratch, %eax
  ACCESS32 "user32-code-write", RPL3(U_DATA), movl %eax, %cs:user_scratch
  ACCESS32 "user32-code-read", RPL3(U_DATA), movl %cs:user_scratch, %eax
  ACCESS32 "user32-ds-code-write", RPL3(U_CODE32), movl %eax, user_scratch
  ACCESS32 "user32-lds", RPL3(U_DATA), lds user_scratch, %eax

  CASE "user32-based"
  movl $RPL3(U_BASED), %eax
  movl %eax, %ds
  movl $user_scratch, %ebx
  subl $user_pages_start, %ebx
  movl $0x12345678, user_scratch
  USER32
  movl (%ebx), %ecx
  LEAVE
  RESULT
  VALUE %rcx
  ENDLINE
  CASE "user32-stack-limit"
  movl $RPL3(U_LIMIT_F), %eax
  USER32
  movl %eax, %ss
  pushl %eax
  LEAVE
  END
  CASE "user32-stack-limit-ebp"
  movl $RPL3(U_LIMIT_F), %eax
  movl $user_scratch, %ebp
  USER32
  movl %eax, %ss
  movl (%ebp), %eax
  LEAVE
  END
  CASE "kernel32-read-only-write"
  movl $K_READ_ONLY, %eax
  KERNEL32
  movl %eax, %ds
  movl %eax, user_scratch
  LEAVE
  END
  CASE "user32-code-limit"
  movl $RPL3(U_LIMIT_F_CODE32), %ecx
  GATE 13, ist=1
  USER32
  pushl %ecx
  pushl $0x10
  lret
  LEAVE
  END
  ret
