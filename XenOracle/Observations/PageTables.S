// Kernel mode writes page tables as memory: RDX is the entry's address, RSI the value.
#include "../snippet.h"

ONE write_entry, movq %rsi, (%rdx)
ONE write_entry_32, movl %esi, (%rdx)
ONE write_entry_8, movb %sil, (%rdx)
ONE write_entry_unaligned, movq %rsi, 4(%rdx)
ONE write_entry_16_bytes, movups %xmm0, (%rdx)
SNIPPET exchange_entry
  movq %rsi, %rax
  xchgq %rax, (%rdx)
  movq (%rdx), %rbx
  cmpq %rax, %rbx
  sete %al
  movzbl %al, %eax
  movl $0, %ebx
  END
SNIPPET compare_exchange_entry
  movq (%rdx), %rax
  lock cmpxchgq %rsi, (%rdx)
  setz %al
  movzbl %al, %eax
  END
SNIPPET clear_dirty
  lock andb $0xBF, (%rdx)
  END
SNIPPET read_modify_write
  orq $0x800, (%rdx)
  END
SNIPPET store_string
  movq %rdx, %rdi
  movq %rsi, %rax
  movl $1, %ecx
  rep stosq
  movl $0, %edi
  movl $0, %eax
  END
