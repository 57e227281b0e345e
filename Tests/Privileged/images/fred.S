// FRED: delivery from either privilege, stack levels, the frame, ERETS and ERETU with what they refuse, what becomes #UD and #GP.
// Intel SDM vol. 2A, "ERETS", "ERETU"; Documentation/FRED.md has the rules, and what each rests on.
//
// A case prints: 1 where the event came in by the entry for user mode, 0 by the other; the stack level behind it; where the frame lies, and its words:
// error code, RIP, CS+, RFLAGS, RSP, SS+, event data; RFLAGS and the GS base that the processor left the kernel. A processor without FRED says so.
#include "case.h"

#define MSR_FRED_RSP0 0x1CC
#define MSR_FRED_STKLVLS 0x1D0
#define MSR_FRED_CONFIG 0x1D4
#define RED_ZONE 0x40
#define STACK(level) (stacks + 0x1000 * ((level) + 1))
// R, I1, I2, I3 in the lines.
#define ON_LEVEL(level) WRMSR MSR_FRED_CONFIG, fred_entry + RED_ZONE + (level)

  .section .text.handlers, "ax"
  .balign 4096
fred_entry:
  movq $1, fred_side
  jmp fred_arrived
  .balign 256
  movq $0, fred_side
fred_arrived:
  pushfq
  popq fred_flags
  movq %rsp, fred_words
  .set word, 0
  .rept 7
  movq 8 * word(%rsp), %rax
  movq %rax, fred_words + 8 + 8 * word
  .set word, word + 1
  .endr
  RDMSR MSR_GS_BASE
  movq %rax, fred_base
  RDMSR MSR_FRED_CONFIG
  andl $3, %eax
  movq %rax, fred_level
  movq %cr4, %rax
  btrq $32, %rax
  movq %rax, %cr4
  int $FINISH

  .bss
  .balign 8
fred_side: .skip 8
fred_level: .skip 8
fred_flags: .skip 8
fred_base: .skip 8
fred_words: .skip 64

  .text
  .macro FRED_ON levels=0
  .set level, 0
  .rept 4
  WRMSR (MSR_FRED_RSP0 + level), (stacks + 0x1000 * (level + 1))
  .set level, level + 1
  .endr
  WRMSR MSR_FRED_STKLVLS, \levels
  ON_LEVEL(0)
  WRMSR MSR_GS_BASE, 0x1110
  WRMSR MSR_KERNEL_GS_BASE, 0x2220
  movq %cr4, %rax
  btsq $32, %rax
  movq %rax, %cr4
  .endm

  // A frame below RSP that leads to 76 in front.
  .macro FRAME cs, ss, flags=2, stack=$user_stack_top, rip=$76f
  pushq $(\ss)
  pushq \stack
  movl $(\flags), %eax
  pushq %rax
  pushq $(\cs)
  movq \rip, %rax
  pushq %rax
  pushq $0
  .endm

  .macro NO_FLAGS
  pushq $2
  popfq
  .endm

  .macro ERETS
  .byte 0xf2, 0x0f, 0x01, 0xca
  .endm
  .macro ERETU
  .byte 0xf3, 0x0f, 0x01, 0xca
  .endm

  // User mode at what follows, up to LEAVE.
  .macro FRED_USER cs=RPL3(U_CODE64), flags=2, code=.code64
  FRAME \cs, RPL3(U_DATA), \flags
  movq $76f, case_start
  ERETU
  .pushsection .user.text, "ax"
  \code
76:
  .endm

  .macro SHOW
  RESULT
  VALUE fred_side
  VALUE fred_level
  ADDRESS fred_words
  VALUE fred_words+8
  ADDRESS fred_words+16
  VALUE fred_words+24
  VALUE fred_words+32
  ADDRESS fred_words+40
  VALUE fred_words+48
  ADDRESS fred_words+56
  VALUE fred_flags
  VALUE fred_base
  ENDLINE
  .endm

  .macro FROM_USER name, instruction, flags=2
  CASE "\name"
  FRED_ON
  FRED_USER flags=\flags
  \instruction
  LEAVE
  SHOW
  .endm

  // \instruction is executed at privilege 0 on the stack of \level, under way at \running.
  .macro FROM_KERNEL name, instruction, levels=0, running=0, setup
  CASE "\name"
  FRED_ON \levels
  ON_LEVEL(\running)
  movq $STACK(\running), %rsp
  \setup
  NO_FLAGS
  AT
  \instruction
76:
  int $0x21
  SHOW
  .endm

  .macro RETURN name, instruction, cs=K_CODE64, ss=K_DATA, flags=2, running=0, rip=$76f
  CASE "\name"
  FRED_ON
  ON_LEVEL(\running)
  movq $STACK(\running), %rsp
  FRAME \cs, \ss, \flags, $STACK(0), \rip
  NO_FLAGS
  AT
  \instruction
76:
  int $0x21
  SHOW
  .endm

  .globl run_image
run_image:
  movl $7, %eax
  xorl %ecx, %ecx
  cpuid
  testl %eax, %eax
  jz absent
  movl $7, %eax
  movl $1, %ecx
  cpuid
  btl $17, %eax
  jnc absent

  FROM_USER "user-int", "int $0x21"
  FROM_USER "user-int-80", "int $0x80"
  FROM_USER "user-int3", "int3"
  FROM_USER "user-syscall", "syscall"
  FROM_USER "user-ud", "ud2"
  FROM_USER "user-gp", "hlt"
  FROM_USER "user-eretu", "ERETU"
  FROM_USER "user-erets", "ERETS"
  FROM_USER "user-flags", "int $0x21", 0x40403
  CASE "user-pf"
  FRED_ON
  FRED_USER
  movl $WINDOW + 0x10, %eax
  movl %eax, (%rax)
  LEAVE
  SHOW
  // #UD is to have level 2: from user mode it has not.
  CASE "user-level"
  FRED_ON 2 << 12
  FRED_USER
  ud2
  LEAVE
  SHOW
  CASE "user-32"
  FRED_ON
  FRED_USER RPL3(U_CODE32), 2, .code32
  int $0x21
  LEAVE
  SHOW
  CASE "user-32-syscall"
  FRED_ON
  FRED_USER RPL3(U_CODE32), 2, .code32
  syscall
  LEAVE
  SHOW
  CASE "user-32-sysenter"
  FRED_ON
  FRED_USER RPL3(U_CODE32), 2, .code32
  sysenter
  LEAVE
  SHOW
  CASE "user-trap"
  FRED_ON
  FRED_USER flags=0x102
  nop
  nop
  LEAVE
  SHOW
  // SS+ bit 17: the trap of the event instruction is due at once.
  CASE "user-trap-due"
  FRED_ON
  FRAME RPL3(U_CODE64), 0x20000 + RPL3(U_DATA), 0x102
  movq $76f, case_start
  ERETU
  .pushsection .user.text, "ax"
76:
  nop
  LEAVE
  SHOW

  FROM_KERNEL "kernel-int", "int $0x22"
  FROM_KERNEL "kernel-ud", "ud2"
  FROM_KERNEL "kernel-level", "ud2", (1 << 12)
  FROM_KERNEL "kernel-level-kept", "ud2", 0, 2
  FROM_KERNEL "kernel-level-raised", "ud2", (3 << 12), 2
  FROM_KERNEL "kernel-level-not-lowered", "ud2", (1 << 12), 3
  FROM_KERNEL "kernel-red-zone", "ud2", 0, 0, "subq $8, %rsp"

  RETURN "erets", ERETS
  RETURN "erets-cs", ERETS, U_CODE32
  RETURN "erets-cs-reserved", ERETS, 0x80000 + K_CODE64
  RETURN "erets-ss", ERETS, K_CODE64, 0
  RETURN "erets-ss-information", ERETS, K_CODE64, 0x70000 + K_DATA
  RETURN "erets-ss-reserved", ERETS, K_CODE64, 0x80000 + K_DATA
  RETURN "erets-vm", ERETS, K_CODE64, K_DATA, 0x20002
  RETURN "erets-bit-1", ERETS, K_CODE64, K_DATA, 0
  RETURN "erets-iopl", ERETS, K_CODE64, K_DATA, 0x3002
  RETURN "erets-noncanonical", ERETS, K_CODE64, K_DATA, 2, 0, $0x800000000000
  RETURN "erets-level", ERETS, K_CODE64, K_DATA, 2, 2
  RETURN "erets-level-not-raised", ERETS, 0x30000 + K_CODE64, K_DATA, 2, 1
  RETURN "erets-level-middle", ERETS, 0x10000 + K_CODE64, K_DATA, 2, 3
  RETURN "eretu-level", ERETU, RPL3(U_CODE64), RPL3(U_DATA), 2, 1
  RETURN "eretu-cs", ERETU, U_CODE64, RPL3(U_DATA)
  RETURN "eretu-cs-level", ERETU, 0x10000 + RPL3(U_CODE64), RPL3(U_DATA)
  RETURN "eretu-ss", ERETU, RPL3(U_CODE64), U_DATA
  RETURN "eretu-iopl", ERETU, RPL3(U_CODE64), RPL3(U_DATA), 0x1002
  RETURN "eretu-noncanonical", ERETU, RPL3(U_CODE64), RPL3(U_DATA), 2, 0, $0x800000000000
  RETURN "eretu-absent-code", ERETU, 0x703, RPL3(U_DATA)

  FROM_KERNEL "swapgs", "swapgs"
  FROM_KERNEL "sysret", "sysretq"
  FROM_KERNEL "sysexit", "sysexitq"
  CASE "iret-to-user"
  FRED_ON
  movq $STACK(0), %rsp
  pushq $RPL3(U_DATA)
  pushq $user_stack_top
  pushq $2
  pushq $RPL3(U_CODE64)
  pushq $76f
  NO_FLAGS
  AT
  iretq
76:
  int $0x21
  SHOW
  CASE "iret-to-kernel"
  FRED_ON
  movq $STACK(0), %rsp
  pushq $K_DATA
  pushq $STACK(0)
  pushq $2
  pushq $K_CODE64
  pushq $76f
  NO_FLAGS
  AT
  iretq
76:
  int $0x21
  SHOW

  .macro REFUSED name, msr, value
  FROM_KERNEL "\name", wrmsr, 0, 0, "LOAD_MSR \msr, \value"
  .endm
  .macro LOAD_MSR msr, value
  movl $(\msr), %ecx
  movabsq $(\value), %rax
  movq %rax, %rdx
  shrq $32, %rdx
  .endm
  REFUSED "rsp0-unaligned", MSR_FRED_RSP0, (stacks + 0x1020)
  REFUSED "rsp0-noncanonical", MSR_FRED_RSP0, 0x800000000000
  REFUSED "rsp0-aligned", MSR_FRED_RSP0, (stacks + 0xFC0)
  REFUSED "config-bit-2", MSR_FRED_CONFIG, (fred_entry + 4)
  REFUSED "config-bit-11", MSR_FRED_CONFIG, (fred_entry + 0x800)

  // Without CR4.FRED neither return is there.
  CASE "off-erets"
  AT
  ERETS
  END
  CASE "off-eretu"
  AT
  ERETU
  END
  ret

absent:
  CASE "fred"
  CALL_C case_absent
  movq $79f, case_resume
79:
  ret
