// What user and kernel mode do to enter the kernel.
#include "../snippet.h"

SNIPPET finish
  END
SNIPPET do_syscall
  syscall
  END
SNIPPET do_int3
  int3
  END
SNIPPET do_ud2
  ud2
  END
SNIPPET do_int80
  int $0x80
  END
