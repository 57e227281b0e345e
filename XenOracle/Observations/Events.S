// Events that a guest raises for itself.
#include "../snippet.h"

// EVTCHNOP_send with the argument at RDX.
SNIPPET send_event
  movq %rdx, %rsi
  movl $4, %edi
  movl $32, %eax
  syscall
  movl $0, %esi
  movl $0, %edx
  END
// VCPUOP_set_singleshot_timer with the argument at RDX.
SNIPPET singleshot
  movl $8, %edi
  movl $0, %esi
  movl $24, %eax
  syscall
  movl $0, %edx
  END
// SCHEDOP_block until something is pending, which the call unmasks.
SNIPPET wait_for_event
  movl $1, %edi
  movl $0, %esi
  movl $29, %eax
  syscall
  END
