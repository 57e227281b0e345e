// What CR0.TS, EM, MP, NE and CR4.OSFXSR, OSXMMEXCPT decide for x87, MMX and SSE instructions, and the exceptions these raise.
// Intel SDM vol. 3A, "System Programming for Instruction Set Extensions and Processor Extended States", "Interrupt 7—Device Not Available",
// "Interrupt 16—x87 FPU Floating-Point Error", "Interrupt 19—SIMD Floating-Point Exception"; vol. 2, Table "CR0.EM, MP, TS" of WAIT.
#include "case.h"

  .set MP, 2
  .set EM, 4
  .set TS, 8
  .text
  .globl run_image
run_image:
  .macro WITH name, set, clear, instruction:vararg
  CASE "\name"
  movl $user_scratch, %ebx
  movq %cr0, %rax
  orq $\set, %rax
  andq $~(\clear), %rax
  movq %rax, %cr0
  AT
  \instruction
  END
  .endm
  WITH "fld1", 0, 0, fld1
  WITH "fld1-ts", TS, 0, fld1
  WITH "fld1-em", EM, 0, fld1
  WITH "fnop-ts", TS, 0, fnop
  WITH "fninit-ts", TS, 0, fninit
  WITH "fnstsw-ts", TS, 0, fnstsw %ax
  WITH "wait", 0, 0, fwait
  WITH "wait-ts-mp", TS, 0, fwait
  WITH "wait-ts-without-mp", TS, MP, fwait
  WITH "wait-em", EM, 0, fwait
  WITH "emms-ts", TS, 0, emms
  WITH "emms-em", EM, 0, emms
  WITH "movd-mmx-em", EM, 0, movd %eax, %mm0
  WITH "paddb-ts", TS, 0, paddb %mm0, %mm0
  WITH "xorps-ts", TS, 0, xorps %xmm0, %xmm0
  WITH "xorps-em", EM, 0, xorps %xmm0, %xmm0
  WITH "ldmxcsr-ts", TS, 0, ldmxcsr (%rbx)
  WITH "ldmxcsr-em", EM, 0, ldmxcsr (%rbx)
  WITH "movnti-ts", TS, 0, movnti %eax, (%rbx)
  WITH "movnti-em", EM, 0, movnti %eax, (%rbx)
  WITH "prefetch-em", EM, 0, prefetcht0 (%rbx)
  WITH "sfence-em", EM, 0, sfence
  WITH "fxsave-ts", TS, 0, fxsave (%rbx)
  WITH "fxsave-em", EM, 0, fxsave (%rbx)
  WITH "fxrstor-ts", TS, 0, fxrstor (%rbx)
  WITH "fld-memory-ts-before-page-fault", TS, 0, flds WINDOW
  WITH "movups-em-before-page-fault", EM, 0, movups WINDOW, %xmm0
  .macro WITHOUT_OSFXSR name, instruction:vararg
  CASE "\name"
  movl $user_scratch, %ebx
  CLEAR_CR4 0x200
  AT
  \instruction
  END
  .endm
  WITHOUT_OSFXSR "xorps-osfxsr-off", xorps %xmm0, %xmm0
  WITHOUT_OSFXSR "ldmxcsr-osfxsr-off", ldmxcsr (%rbx)
  WITHOUT_OSFXSR "fxsave-osfxsr-off", fxsave (%rbx)
  WITHOUT_OSFXSR "movnti-osfxsr-off", movnti %eax, (%rbx)
  CASE "xorps-osfxsr-off-ts"
  CLEAR_CR4 0x200
  SET_CR0 TS
  AT
  xorps %xmm0, %xmm0
  END

  // x87 errors are reported at the next waiting instruction, with NE set as #MF.
  .macro ZERO_DIVIDE
  // All x87 exceptions unmasked, then 1 / 0.
  pushq $0x340
  fldcw (%rsp)
  fld1
  fldz
  fdivrp %st, %st(1)
  .endm
  CASE "mf-at-next"
  ZERO_DIVIDE
  AT
  fld1
  END
  CASE "mf-at-wait"
  ZERO_DIVIDE
  AT
  fwait
  END
  CASE "mf-not-at-fnstsw"
  ZERO_DIVIDE
  AT
  fnstsw %ax
  fnclex
  fwait
  RESULT
  andl $0xB8FF, %eax
  VALUE %rax
  ENDLINE
  CASE "mf-at-emms"
  ZERO_DIVIDE
  AT
  emms
  END
  CASE "mf-not-at-sse"
  ZERO_DIVIDE
  AT
  xorps %xmm0, %xmm0
  RESULT
  ENDLINE
  CASE "mf-user"
  ZERO_DIVIDE
  USER64
  nop
  fwait
  LEAVE
  END
  CASE "mf-after-ts"
  ZERO_DIVIDE
  SET_CR0 TS
  AT
  fld1
  END

  // SIMD errors fault at once.
  .macro DIVIDE name
  CASE "\name"
  pushq $0x1D80 & ~0x200  // ZM clear
  ldmxcsr (%rsp)
  xorps %xmm1, %xmm1
  movl $0x3F800000, %eax
  movd %eax, %xmm0
  .endm
  DIVIDE "xm-divide"
  AT
  divss %xmm1, %xmm0
  RESULT
  stmxcsr user_scratch
  movl user_scratch, %eax
  VALUE %rax
  ENDLINE
  movl $0x1F80, user_scratch
  ldmxcsr user_scratch
  DIVIDE "xm-without-osxmmexcpt"
  CLEAR_CR4 0x400
  AT
  divss %xmm1, %xmm0
  END
  movl $0x1F80, user_scratch
  ldmxcsr user_scratch
  CASE "ldmxcsr-reserved"
  movl $0xFFFF0000, user_scratch
  AT
  ldmxcsr user_scratch
  END
  CASE "movaps-misaligned"
  movl $user_scratch + 8, %ebx
  AT
  movaps (%rbx), %xmm0
  END
  CASE "movups-misaligned"
  movl $user_scratch + 7, %ebx
  AT
  movups (%rbx), %xmm0
  END
  CASE "movaps-misaligned-unmapped"
  movl $WINDOW + 8, %ebx
  AT
  movaps (%rbx), %xmm0
  END
  CASE "movaps-user-misaligned"
  movl $user_scratch + 8, %ebx
  USER64
  movaps %xmm0, (%rbx)
  LEAVE
  END
  CASE "fxsave-misaligned"
  movl $user_scratch + 8, %ebx
  AT
  fxsave (%rbx)
  END
  CASE "fxrstor-mxcsr-reserved"
  fxsave user_scratch
  movl $0xFFFF0000, user_scratch + 24
  AT
  fxrstor user_scratch
  END
  CASE "movaps-noncanonical-stack"
  GATE 12, ist=1
  movabsq $0x0000800000000000, %rbp
  AT
  movaps (%rbp), %xmm0
  END
  CASE "xgetbv-without-osxsave"
  movl $0, %ecx
  AT
  xgetbv
  END
  ret
