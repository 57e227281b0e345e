// A machine check in an NMI's first instructions returns by IRET, and lets in the next NMI over the first one's frame.
//
// The copies of Linux's NMI handler (nmi-reentered) protect what it calls. Nothing protects the instructions before they are made: NMIs
// are blocked there, and no exception is to be expected. But #MC comes when it likes, and its IRET unblocks NMIs. Kernels on the IDT live
// with it, and keep breakpoints out of that code; no report of a crash by it is known here. FRED's ERETS unblocks NMIs only where the
// frame says so. Without FRED one can return without IRET.
//
// Who could reach it: nobody at will; a machine on which machine checks and NMIs come together, as they do when it fails.
//
// What happens: the NMI that came from user mode is returned from by a frame that says it came from the kernel, in its own first
// instructions, for ever. A kernel of the design `complete` is no better.
//
// crossing: nmi
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: machine-check trap_2, nmi trap_2
// depth: 2
// invariant: frame-intact
#include "threshold.h"
#define DESIGN_NAME "nmi-unblocked"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"
#include "parts/ReturnToNMI.h"

  THRESHOLD_START
  GATE 1, debug, stack=2
  GATE 18, machine_check, stack=3
  THRESHOLD_START_END

.macro HANDLER name, vector, return
\name:
  testb $3, 8(%rsp)
  jnz trap_\vector
  cld
  pushq $0
  PUSH_REGISTERS
  GS_BY_BASE
  movq %rsp, %rdi
  movl $\vector, %esi
  call do_trap
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  \return
.endm

  HANDLER debug, 1, iretq
  HANDLER machine_check, 18, iretq
