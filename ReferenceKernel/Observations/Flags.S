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
