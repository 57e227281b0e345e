// A multicall whose list may hold an iret.
#include "../snippet.h"

// multicall of RSI calls at RDI, with the frame of an iret at RDX.
SNIPPET multicall
  movq %rdx, %rsp
  movl $13, %eax
  syscall
  END
