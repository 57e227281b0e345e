// SSSE3, SSE4.1, SSE4.2, MOVBE, BMI1, BMI2 and LZCNT: what CR0.TS, EM and CR4.OSFXSR decide, alignment, page faults, and 32-bit code. The plain
// profiles have none of them, `skylake` and `zen3` have all.
// Intel SDM vol. 3A, "CR0 and CR4 Bit Settings for SSE/SSE2/SSE3/SSSE3/SSE4 Instructions"; vol. 2A, "Exception Conditions of Legacy SIMD Instructions
// Operating on MMX Registers", "Instructions Encoded with VEX"; vol. 2, each instruction's page.
#include "case.h"

  .set EM, 4
  .set TS, 8
  .text
  .globl run_image
run_image:
  .macro PLAIN name, instruction:vararg
  CASE "\name"
  movl $user_scratch, %ebx
  AT
  \instruction
  END
  .endm
  .macro WITH name, set, instruction:vararg
  CASE "\name"
  movl $user_scratch, %ebx
  SET_CR0 \set
  AT
  \instruction
  END
  .endm
  .macro WITHOUT_OSFXSR name, instruction:vararg
  CASE "\name"
  movl $user_scratch, %ebx
  CLEAR_CR4 0x200
  AT
  \instruction
  END
  .endm
  .macro EACH name, instruction:vararg
  PLAIN "\name", \instruction
  WITH "\name-ts", TS, \instruction
  WITH "\name-em", EM, \instruction
  WITHOUT_OSFXSR "\name-osfxsr-off", \instruction
  .endm
  EACH "pshufb", pshufb %xmm1, %xmm0
  EACH "pshufb-mmx", pshufb %mm1, %mm0
  EACH "palignr-mmx", palignr $3, %mm1, %mm0
  EACH "pmulld", pmulld %xmm1, %xmm0
  EACH "ptest", ptest %xmm1, %xmm0
  EACH "roundsd", roundsd $1, %xmm1, %xmm0
  EACH "dppd", dppd $0x33, %xmm1, %xmm0
  EACH "movntdqa", movntdqa (%rbx), %xmm0
  EACH "pextrb", pextrb $1, %xmm0, %ecx
  EACH "pcmpgtq", pcmpgtq %xmm1, %xmm0
  EACH "pcmpistri", pcmpistri $0, %xmm1, %xmm0
  EACH "crc32", crc32b %al, %ecx
  EACH "movbe", movbe (%rbx), %ecx
  EACH "andn", andn %ecx, %eax, %edx
  EACH "shlx", shlxq %rcx, %rax, %rdx
  EACH "lzcnt", lzcnt %ecx, %edx
  emms

  // Alignment of 16 bytes.
  .macro ASKEW name, instruction:vararg
  CASE "\name-askew"
  movl $user_scratch + 8, %ebx
  AT
  \instruction
  END
  .endm
  ASKEW "pshufb", pshufb (%rbx), %xmm0
  ASKEW "pshufb-mmx", pshufb -7(%rbx), %mm0
  ASKEW "pblendw", pblendw $1, (%rbx), %xmm0
  ASKEW "dpps", dpps $0xFF, (%rbx), %xmm0
  ASKEW "roundpd", roundpd $0, (%rbx), %xmm0
  ASKEW "roundsd", roundsd $0, -7(%rbx), %xmm0
  ASKEW "insertps", insertps $0, -7(%rbx), %xmm0
  ASKEW "pmovsxbw", pmovsxbw -7(%rbx), %xmm0
  ASKEW "movntdqa", movntdqa (%rbx), %xmm0
  ASKEW "phminposuw", phminposuw (%rbx), %xmm0
  ASKEW "pcmpgtq", pcmpgtq (%rbx), %xmm0
  ASKEW "pcmpestri", pcmpestri $0, (%rbx), %xmm0
  ASKEW "pcmpistrm", pcmpistrm $0, -7(%rbx), %xmm0
  emms

  // Nothing is mapped, or nothing may be written.
  .macro AWAY name, instruction:vararg
  CASE "\name-unmapped"
  movl $WINDOW, %ebx
  AT
  \instruction
  END
  CASE "\name-unmapped-em"
  movl $WINDOW, %ebx
  SET_CR0 EM
  AT
  \instruction
  END
  .endm
  AWAY "pabsb", pabsb (%rbx), %xmm0
  AWAY "pmovzxwq", pmovzxwq (%rbx), %xmm0
  AWAY "pextrw", pextrw $3, %xmm0, (%rbx)
  AWAY "pinsrb", pinsrb $3, (%rbx), %xmm0
  AWAY "pcmpestrm", pcmpestrm $0, 5(%rbx), %xmm0
  AWAY "crc32", crc32q (%rbx), %rax
  AWAY "movbe", movbe (%rbx), %rax
  AWAY "movbe-store", movbe %rax, (%rbx)
  AWAY "mulx", mulx (%rbx), %rax, %rcx
  AWAY "rorx", rorx $3, (%rbx), %eax
  CASE "movbe-read-only"
  MAP 0, 0x1
  AT
  movbe %eax, (%rbx)
  END
  CASE "extractps-across"
  MAP 0, 0x3
  addl $0xFFE, %ebx
  AT
  extractps $0, %xmm0, (%rbx)
  END

  // What may not stand before a VEX prefix, L, and a second register where there is none.
  .macro BYTES name, bytes:vararg
  CASE "\name"
  AT
  .byte \bytes
  END
  .endm
  BYTES "andn-l", 0xC4, 0xE2, 0x7C, 0xF2, 0xC1
  BYTES "andn-66", 0x66, 0xC4, 0xE2, 0x78, 0xF2, 0xC1
  BYTES "andn-f3", 0xF3, 0xC4, 0xE2, 0x78, 0xF2, 0xC1
  BYTES "andn-lock", 0xF0, 0xC4, 0xE2, 0x78, 0xF2, 0xC1
  BYTES "andn-rex", 0x48, 0xC4, 0xE2, 0x78, 0xF2, 0xC1
  BYTES "andn-address-size", 0x67, 0xC4, 0xE2, 0x78, 0xF2, 0xC1
  BYTES "rorx-second", 0xC4, 0xE3, 0x73, 0xF0, 0xC1, 0x05
  BYTES "bls-0", 0xC4, 0xE2, 0x78, 0xF3, 0xC1
  BYTES "bls-4", 0xC4, 0xE2, 0x78, 0xF3, 0xE1
  BYTES "movbe-register", 0x0F, 0x38, 0xF0, 0xC1
  BYTES "crc32-lock", 0xF0, 0xF2, 0x0F, 0x38, 0xF0, 0xC1
  BYTES "pshufb-lock", 0xF0, 0x66, 0x0F, 0x38, 0x00, 0xC1

  // 32-bit code: with a register behind it C4 is a VEX prefix, with memory LES. W does not make it wider.
  .macro COMPATIBLE name, instruction
  CASE "\name-32"
  movl $0, user_scratch
  USER32
  pushl $RPL3(U_DATA)
  popl %ds
  movl $0x12345678, %eax
  movl $0x00F0F0F1, %ecx
  movl $0x0F0F0F0F, %edx
  movl $user_scratch, %ebx
  \instruction
  movl %eax, user_scratch
  LEAVE
  RESULT
  movl user_scratch, %eax
  VALUE %rax
  ENDLINE
  .endm
  COMPATIBLE "andn", ".byte 0xC4, 0xE2, 0x78, 0xF2, 0xC1"
  COMPATIBLE "andn-w", ".byte 0xC4, 0xE2, 0xF8, 0xF2, 0xC1"
  COMPATIBLE "pext", "pext %ecx, %eax, %eax"
  COMPATIBLE "mulx", "mulx %ecx, %ecx, %eax"
  COMPATIBLE "tzcnt", "tzcnt %edx, %eax"
  COMPATIBLE "lzcnt", "lzcnt %ecx, %eax"
  COMPATIBLE "bextr", ".byte 0xC4, 0xE2, 0x68, 0xF7, 0xC1"
  COMPATIBLE "movbe", "movbe %eax, (%ebx); movl (%ebx), %eax"
  COMPATIBLE "crc32", "crc32l %ecx, %eax"
  COMPATIBLE "les-null", "movl $0, 4(%ebx); movl $0x55, (%ebx); les (%ebx), %eax"
  COMPATIBLE "pinsrd", "pinsrd $2, %ecx, %xmm0; pextrd $2, %xmm0, %eax"
  COMPATIBLE "pcmpestri", "movl $3, %eax; movd %ecx, %xmm1; pcmpestri $0, %xmm1, %xmm1; movl %ecx, %eax"
  ret
