// What user and kernel mode do to enter the kernel.
#include "../snippet.h"

ONE nothing, nop
ONE int3, int3
ONE int_3, .byte 0xCD, 3
ONE ud2, ud2
ONE hlt, hlt
ONE syscall, syscall
ONE sysenter, sysenter
ONE int80, int $0x80
ONE int0, int $0
ONE int81, int $0x81
ONE int82, int $0x82
ONE int_2, int $2
ONE int_8, int $8
ONE int1, .byte 0xF1
ONE divide, divl %ecx
ONE load_rdx, movq (%rdx), %rax
ONE store_rdx, movq %rax, (%rdx)
ONE load_rsp, movq (%rsp), %rax
ONE push, pushq %rax
ONE jump_rdx, jmp *%rdx
ONE call_rdx, call *%rdx
ONE x87, fnop
ONE load_unaligned, movl 1(%rsp), %eax
ONE32 syscall32, syscall
ONE32 sysenter32, sysenter
ONE32 int3_32, int3
ONE32 int80_32, int $0x80
ONE32 int81_32, int $0x81
ONE32 into, into
ONE32 bound, bound %eax, (%ecx)
ONE32 ud2_32, ud2
ONE32 load_32, movl (%edx), %eax
ONE32 load_32_ss, movl %ss:(%edx), %eax
ONE32 bound_ss, bound %eax, %ss:(%ecx)
ONE32 nothing_32, nop

// An unmasked x87 exception: 0 / 0.
SNIPPET x87_exception
  fninit
  movw $0x37E, -8(%rsp)
  fldcw -8(%rsp)
  fldz
  fldz
  fdivp
  fwait
  END

SNIPPET far_return
  pushq $0
  pushq $0
  lretq
  END
