// What flags do at an entry.
#include "../snippet.h"

// RFLAGS and the stack are set by the case. The alignment of RSP that the code finds, too.
SNIPPET pushf
  pushfq
  popq %rdx
  END

// POPF of all ones but TF, and what stays.
SNIPPET popf
  pushq $~0x100
  popfq
  pushfq
  popq %rdx
  pushq $2
  popfq
  END

ONE32 cli_32, cli
SNIPPET cli
  cli
  END
SNIPPET sti
  sti
  END

// Three instructions for single steps.
SNIPPET steps
  nop
  movl $1, %edx
  nop
  END

// A single step over SYSCALL and over INT3.
SNIPPET step_syscall
  nop
  syscall
  END
SNIPPET step_int3
  int3
  END
SNIPPET step_int80
  int $0x80
  END

// MOV SS from the word at RDX, which a breakpoint watches: the #DB is put off behind the next instruction. DS is null in compatibility mode.
SNIPPET put_off_int3
  movw (%rdx), %ss
  int3
  END
SNIPPET put_off_int80
  movw (%rdx), %ss
  int $0x80
  END
SNIPPET put_off_syscall
  movw (%rdx), %ss
  syscall
  END
SNIPPET put_off_ud2
  movw (%rdx), %ss
  ud2
  END
SNIPPET put_off_int81
  movw (%rdx), %ss
  int $0x81
  END
SNIPPET put_off_int1
  movw (%rdx), %ss
  .byte 0xF1
  END
SNIPPET put_off_nop
  movw (%rdx), %ss
  nop
  END
SNIPPET put_off_into_32
  .code32
  movw %ss:(%edx), %ss
  into
  END
  .code64
