// An NMI's handler copies by way of XMM0, which is the user's.
//
// Kernels do not save floating-point and vector registers on their way in, as their own code does not use them; whoever does must save
// them first, and an NMI may come while somebody else is doing so. Linux has kernel_fpu_begin and asks irq_fpu_usable. No release of Linux is known
// whose NMI handler broke that; the compiler alone is enough to, where it is not told to keep off these registers (-mno-sse).
//
// Who could reach it: nobody needs to; whatever program runs when an NMI comes has another XMM0 behind it.
//
// What happens: no kernel dies, and no general register changes.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_join
// depth: 1
// invariant: user-state-preserved
#include "threshold.h"
#define DESIGN_NAME "nmi-uses-xmm"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jnz trap_2
  cld
  movups (%rsp), %xmm0          // RIP and CS, for a log
  movups %xmm0, last_nmi(%rip)
  iretq

  .bss
  .balign 16
last_nmi:
  .skip 16
