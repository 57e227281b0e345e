// IRET in every form of long mode: to the same and to outer levels, to 64-bit and 32-bit code, frames that must be refused, and
// which flags each level may change.
// Intel SDM vol. 2A, "IRET/IRETD/IRETQ—Interrupt Return"; vol. 3A, "Interrupt and Exception Handling in IA-32e Mode", "IRET in IA-32e Mode".
#include "case.h"

  // Pushes a frame and returns. Addresses are shown relative to the IRETQ.
  .macro FRAME ss, rsp, flags, cs, rip
  pushq $\ss
  movabsq $\rsp, %rax
  pushq %rax
  pushq $\flags
  pushq $\cs
  movabsq $\rip, %rax
  pushq %rax
  .endm
  .macro RETURN name, ss=RPL3(U_DATA), rsp=user_stack_top, flags=0x2, cs=RPL3(U_CODE64), rip=landed, setup
  CASE "\name"
  GATE 0x21, access=0xEE
  \setup
  FRAME \ss, \rsp, \flags, \cs, \rip
  CLEAR
  AT
  iretq
  SHOW
  .endm
  .macro CLEAR
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
  VALUE %r15
  ENDLINE
  .endm

  .section .user.text, "ax"
landed:
  movl %cs, %r13d
  movl %ss, %r12d
  movq %rsp, %r14
  movq $user_stack_top, %rsp
  pushfq
  popq %r15
  int $FINISH
  // For 32-bit and 64-bit code: shows CS and SS by the event of INT 0x21.
  .globl landmark
landmark:
landed_any:
  int $0x21
  .section .text.handlers, "ax"
landed_kernel:
  movl %cs, %r13d
  movl %ss, %r12d
  movq %rsp, %r14
  movq $stacks + 0x1000, %rsp
  pushfq
  popq %r15
  int $FINISH

  .text
  .globl run_image
run_image:
  // To privilege level 3.
  RETURN "outer"
  RETURN "outer-all-flags", flags=0x247ED7
  RETURN "outer-reserved-flags", flags=0xC802A
  RETURN "outer-nt", flags=0x4002
  RETURN "outer-iopl", flags=0x3002
  RETURN "outer-rsp-unaligned", rsp=user_stack_top-5
  RETURN "outer-rsp-noncanonical", rsp=0x800000000000
  RETURN "outer-ss-null-rpl3", ss=3
  RETURN "outer-ss-null-rpl0", ss=0
  RETURN "outer-ss-rpl0", ss=U_DATA
  RETURN "outer-ss-kernel", ss=K_DATA
  RETURN "outer-ss-kernel-rpl3", ss=RPL3(K_DATA)
  RETURN "outer-ss-code", ss=RPL3(U_CODE64)
  RETURN "outer-ss-absent", ss=RPL3(DATA_ABSENT_DPL3)
  RETURN "outer-ss-beyond-limit", ss=RPL3(GDT_BYTES)
  RETURN "outer-ss-system", ss=RPL3(TASK)
  RETURN "outer-cs-null", cs=0
  RETURN "outer-cs-null-rpl3", cs=3
  RETURN "outer-cs-data", cs=RPL3(U_DATA)
  RETURN "outer-cs-kernel-code-rpl3", cs=RPL3(K_CODE64)
  RETURN "outer-cs-conforming", cs=RPL3(U_CONFORMING64)
  RETURN "outer-cs-conforming-dpl0", cs=RPL3(K_CONFORMING64)
  RETURN "outer-cs-beyond-limit", cs=RPL3(GDT_BYTES)
  RETURN "outer-cs-system", cs=RPL3(TASK)
  RETURN "outer-cs-local-without-table", cs=LDT_CODE64_DPL3
  .macro WITH_LOCAL
  movl $LOCAL_TABLE, %eax
  lldt %ax
  .endm
  RETURN "outer-cs-local", cs=LDT_CODE64_DPL3, ss=LDT_DATA_DPL3, setup=WITH_LOCAL
  RETURN "outer-ss-local-absent", ss=RPL3(LDT_ABSENT), setup=WITH_LOCAL
  .macro CS_ABSENT
  andb $0x7F, gdt + U_CODE64 + 5
  .endm
  RETURN "outer-cs-absent", setup=CS_ABSENT
  .macro CS_L_AND_D
  orb $0x40, gdt + U_CODE64 + 6
  .endm
  RETURN "outer-cs-l-and-d", setup=CS_L_AND_D
  RETURN "outer-rip-noncanonical", rip=0x800000000000
  RETURN "outer-rip-unmapped", rip=WINDOW
  RETURN "outer-compat", cs=RPL3(U_CODE32), rip=landed_any
  RETURN "outer-compat-ss-null", cs=RPL3(U_CODE32), ss=3, rip=landed_any
  RETURN "outer-compat-limit", cs=RPL3(U_LIMIT_F_CODE32), rip=landed_any
  RETURN "outer-dpl1", cs=CODE64_DPL1 | 1, ss=DATA_DPL1 | 1, rip=landed_any

  // Same level.
  RETURN "same", cs=K_CODE64, ss=K_DATA, rip=landed_kernel
  RETURN "same-rsp-loaded", cs=K_CODE64, ss=K_DATA, rsp=stacks+0xE03, rip=landed_kernel
  RETURN "same-flags", cs=K_CODE64, ss=K_DATA, flags=0x247CD7, rip=landed_kernel
  RETURN "same-ss-null", cs=K_CODE64, ss=0, rip=landed_kernel
  RETURN "same-ss-null-rpl3", cs=K_CODE64, ss=3, rip=landed_kernel
  RETURN "same-ss-user", cs=K_CODE64, ss=RPL3(U_DATA), rip=landed_kernel
  RETURN "same-ss-rpl3", cs=K_CODE64, ss=RPL3(K_DATA), rip=landed_kernel
  RETURN "same-ss-absent", cs=K_CODE64, ss=K_DATA_ABSENT, rip=landed_kernel
  RETURN "same-cs-absent", cs=K_CODE64_ABSENT, ss=K_DATA, rip=landed_kernel
  RETURN "same-cs-execute-only", cs=K_EXECUTE_ONLY, ss=K_DATA, rip=landed_kernel
  RETURN "same-cs-conforming", cs=K_CONFORMING64, ss=K_DATA, rip=landed_kernel
  RETURN "same-compat", cs=K_CODE32, ss=K_DATA, rip=landed_any
  RETURN "same-compat-ss-null", cs=K_CODE32, ss=0, rip=landed_any
  RETURN "same-rip-noncanonical", cs=K_CODE64, ss=K_DATA, rip=0x800000000000
  RETURN "same-dpl3-rpl0", cs=U_CODE64, ss=K_DATA, rip=landed_kernel
  .macro NT_SET
  pushq $0x4002
  popfq
  .endm
  RETURN "nt", cs=K_CODE64, ss=K_DATA, rip=landed_kernel, setup=NT_SET

  // A data segment of inner privilege becomes null and keeps its base; an explicit load of null is another thing.
  .macro DROPPED name, instruction
  CASE "\name"
  movl $K_DATA, %eax
  movl %eax, %gs
  movl %eax, %fs
  WRMSR MSR_GS_BASE, 0x123456789000
  WRMSR MSR_FS_BASE, 0xFFFF876543210000
  \instruction
  RESULT
  movl %gs, %ebx
  VALUE %rbx
  RDMSR MSR_GS_BASE
  VALUE %rax
  movl %fs, %ebx
  VALUE %rbx
  RDMSR MSR_FS_BASE
  VALUE %rax
  ENDLINE
  .endm
  .macro BY_IRET
  FRAME RPL3(U_DATA), user_stack_top, 0x2, RPL3(U_CODE64), landed
  AT
  iretq
  .endm
  .macro BY_FAR_RETURN
  pushq $RPL3(U_DATA)
  movabsq $user_stack_top, %rax
  pushq %rax
  pushq $RPL3(U_CODE64)
  movabsq $landed, %rax
  pushq %rax
  AT
  lretq
  .endm
  DROPPED "outer-drops-inner-segments", BY_IRET
  DROPPED "far-return-drops-inner-segments", BY_FAR_RETURN

  // The frame itself cannot be read: RSP stays.
  CASE "frame-unmapped"
  GATE 14, ist=1
  movl $WINDOW, %esp
  AT
  iretq
  END
  CASE "frame-second-page-unmapped"
  GATE 14, ist=1
  MAP 1, PTE_P | PTE_W
  movq $landed, spare_page + 0xFF0
  movq $RPL3(U_CODE64), spare_page + 0xFF8
  movl $WINDOW + 0x1FF0, %esp
  AT
  iretq
  END
  CASE "frame-noncanonical"
  GATE 12, ist=1
  GATE 13, ist=1
  movabsq $0x0000800000000000, %rsp
  AT
  iretq
  END

  // The 32-bit operand size in 64-bit code also pops SS and RSP.
  CASE "iretd"
  subq $20, %rsp
  movl $landed, (%rsp)
  movl $RPL3(U_CODE64), 4(%rsp)
  movl $0x202, 8(%rsp)
  movl $user_stack_top, 12(%rsp)
  movl $RPL3(U_DATA), 16(%rsp)
  CLEAR
  AT
  iretl
  SHOW
  // In compatibility mode IRETD at the same level pops three words only.
  CASE "iretd-kernel32-same"
  KERNEL32
  pushl $0x2
  pushl $K_CODE32
  pushl $1f
  iretl
1:
  LEAVE
  RESULT
  ENDLINE
  CASE "iretd-kernel32-outer"
  GATE 0x21, access=0xEE
  KERNEL32
  pushl $RPL3(U_DATA)
  pushl $user_stack_top - 0x20
  pushl $0x3202
  pushl $RPL3(U_CODE32)
  pushl $landed_any
  iretl
  LEAVE
  END

  // At privilege level 3: to the same level, which flags change.
  .macro USER_RETURN name, flags, enter_flags=0x2, cs=RPL3(U_CODE64), ss=RPL3(U_DATA), rip=landed
  CASE "\name"
  CLEAR
  GATE 0x21, access=0xEE
  USER64 flags=\enter_flags
  pushq $\ss
  pushq $user_stack_top - 0x40
  pushq $\flags
  pushq $\cs
  pushq $\rip
  iretq
  LEAVE
  SHOW
  .endm
  USER_RETURN "user-same", 0x2
  USER_RETURN "user-flags-iopl0", 0x247ED7
  USER_RETURN "user-flags-iopl3", 0x247ED7, 0x3002
  USER_RETURN "user-flags-iopl3-cleared", 0x2, 0x3202
  USER_RETURN "user-flags-if-kept", 0x2, 0x202
  USER_RETURN "user-to-kernel", 0x2, 0x2, K_CODE64, K_DATA
  USER_RETURN "user-to-kernel-rpl3", 0x2, 0x2, RPL3(K_CODE64)
  USER_RETURN "user-ss-null", 0x2, 0x2, RPL3(U_CODE64), 3
  USER_RETURN "user-ss-rpl0", 0x2, 0x2, RPL3(U_CODE64), U_DATA
  USER_RETURN "user-to-conforming-dpl0", 0x2, 0x2, RPL3(K_CONFORMING64)
  USER_RETURN "user-to-compat", 0x2, 0x2, RPL3(U_CODE32), RPL3(U_DATA), landed_any
  USER_RETURN "user-nt", 0x2, 0x4002
  // The frame is read with the user's rights, also under SMAP.
  CASE "user-frame-supervisor-page"
  movq $stacks + 0x800, %rcx
  USER64
  movq %rcx, %rsp
  iretq
  LEAVE
  END
  CASE "user-frame-smap"
  SET_CR4 0x200000
  CLEAR
  USER64
  pushq $RPL3(U_DATA)
  pushq $user_stack_top - 0x40
  pushq $2
  pushq $RPL3(U_CODE64)
  pushq $landed
  iretq
  LEAVE
  SHOW
  // A frame on a user page, returned from at level 0: an explicit supervisor access under SMAP.
  CASE "kernel-frame-smap"
  SET_CR4 0x200000
  GATE 14, ist=1
  movq $user_stack_top - 0x100, %rsp
  AT
  iretq
  END

  // Data segments that the outer level may not use become null.
  .macro DATA_AFTER name, selector, cs=RPL3(U_CODE64), rip=note_data
  CASE "\name"
  movl $\selector, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %fs
  movl %eax, %gs
  FRAME RPL3(U_DATA), user_stack_top, 2, \cs, \rip
  AT
  iretq
  RESULT
  VALUE %r12
  VALUE %r13
  VALUE %r14
  VALUE %r15
  ENDLINE
  .endm
  DATA_AFTER "data-dpl0", K_DATA
  DATA_AFTER "data-dpl3", RPL3(U_DATA)
  DATA_AFTER "data-dpl1", DATA_DPL1
  DATA_AFTER "data-conforming", K_CONFORMING64
  DATA_AFTER "data-code-dpl0", K_CODE64
  DATA_AFTER "data-null-rpl3", 3
  .pushsection .user.text, "ax"
note_data:
  movl %ds, %r12d
  movl %es, %r13d
  movl %fs, %r14d
  movl %gs, %r15d
  int $FINISH
  .popsection
  ret
