// Who raises events and NMIs, in kernel mode, and what user mode does to the mask where the case lets it.
#include "../snippet.h"

// VCPUOP_send_nmi on vCPU 0.
SNIPPET send_nmi
  HYPERCALL 24, $11, $0
  END
SNIPPET send_nmi_twice
  HYPERCALL 24, $11, $0
  HYPERCALL 24, $11, $0
  END

// xen_version, the call that does nothing but look for events.
SNIPPET poll
  HYPERCALL 17, $0
  END

// RDX is vcpu_info in the user window: pending, then something that enters.
SNIPPET pending_ud2
  movb $1, (%rdx)
  ud2
  END
SNIPPET pending_int3
  movb $1, (%rdx)
  int3
  END
SNIPPET pending_int80
  movb $1, (%rdx)
  int $0x80
  END
SNIPPET pending_syscall
  movb $1, (%rdx)
  syscall
  END
SNIPPET pending_page_fault
  movb $1, (%rdx)
  movq 0x3000, %rax
  END
SNIPPET pending_nothing
  movb $1, (%rdx)
  nop
  END
SNIPPET mask_ud2
  movb $1, 1(%rdx)
  ud2
  END
SNIPPET mask_ff_ud2
  movb $0xFF, 1(%rdx)
  ud2
  END
SNIPPET pending_2_mask_0
  movb $2, (%rdx)
  HYPERCALL 17, $0
  END
SNIPPET pending_and_nmi
  movb $1, (%rdx)
  HYPERCALL 24, $11, $0
  END

// NMI handlers. The first time each sends the next NMI while its own is not over; the second time it ends the case.
SNIPPET nmi_handler_again
  movl $24, %eax
  movl $11, %edi
  xorl %esi, %esi
  syscall
  END

// Then it goes back by iret as the frame at RSP says.
SNIPPET nmi_handler_again_iret
  incq WINDOW_COUNT
  cmpq $1, WINDOW_COUNT
  jne 1f
  movl $24, %eax
  movl $11, %edi
  xorl %esi, %esi
  syscall
  // struct iret_context: RAX, R11, RCX, flags below the frame's RIP.
  leaq 16(%rsp), %rsp
  pushq $0
  pushq $0xC
  pushq $0xB11
  pushq $0xA
  movl $23, %eax
  syscall
1:
  END
