// Where irets of the cases lead.
#include "../snippet.h"

// Shows the state that iret has made: DS to GS as numbers, and the flags.
SNIPPET show_flags
  pushfq
  popq %rdx
  END
ONE32 show_flags_32, nop

// The hypercall iret by hand, from a frame at RDX: to be entered in kernel mode.
SNIPPET iret_frame
  movq %rdx, %rsp
  movl $23, %eax
  syscall
  END

// IRETQ itself, at privilege level 3: what it gives to a kernel that forgets that it is a guest.
SNIPPET iretq
  movl %ss, %eax
  pushq %rax
  leaq 8(%rsp), %rcx
  pushq %rcx
  pushq $0x3002
  movl %cs, %eax
  pushq %rax
  leaq 1f(%rip), %rcx
  pushq %rcx
  iretq
1:
  pushfq
  popq %rdx
  END
SNIPPET iretq_kernel_selector
  pushq $0xE02B
  pushq %rsp
  pushq $0x2
  pushq $0xE030
  leaq 1f(%rip), %rcx
  pushq %rcx
  iretq
1:
  END
SNIPPET iretq_level_0
  pushq $0xE010
  pushq %rsp
  pushq $0x2
  pushq $0xE008
  leaq 1f(%rip), %rcx
  pushq %rcx
  iretq
1:
  END
SNIPPET far_return_32
  pushq $0xE023
  leaq 1f(%rip), %rcx
  pushq %rcx
  lretq
  .code32
1:
  END
  .code64
