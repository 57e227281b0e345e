// An NMI whose handler meets a breakpoint is entered again, over its own frame.
//
// Until 3.3 Linux's NMI handler had one frame, at the top of its interrupt stack, and relied on NMIs staying blocked until its own IRET.
// The IRET of any exception in between lets them in as well (SDM vol. 3A, "Handling Multiple NMIs"). That kept breakpoints, and with
// them tracers, out of NMI handlers, and was mended by copies of the frame: 3f3c8b8c4b2a, "x86: Add workaround to NMI iret woes".
//
// Who could reach it: nobody by a system call alone. Whoever may trace functions and sample by NMI, that is root; or luck.
//
// What happens: the handler meets INT3. #BP's IRET unblocks NMIs. The second NMI's frame is pushed where the first one's lies, and the
// first returns into its own middle, again and again.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_SYSCALL_64_enabled, nmi nmi_handled
// depth: 2
// invariant: frame-intact
#include "threshold.h"
#define DESIGN_NAME "nmi-reentered"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"
#include "parts/Breakpoint.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  GATE 3, kernel_breakpoint, level=3
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jnz trap_2
  cld
  pushq $0
  PUSH_REGISTERS
  GS_BY_BASE
  int3
nmi_handled:
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  iretq
