// A PV guest's NMI takes the native way in and out.
//
// Xen's frame has RCX and R11 below RIP, and there is no interrupt stack and no IRET that unblocks anything. Native code counts from the top of a stack of
// the NMI's own. Linux gave Xen an entry of its own: 43e4111086a7, "xen, x86/entry/64: Add xen NMI trap entry" (4.15). Here the two words
// are popped, and the IRET is the native one: privilege 3 may not return to a frame whose CS says 0, as Xen writes it for the kernel.
//
// Who could reach it: nobody needs to; the first NMI that a PV guest is sent while it is in its kernel.
//
// What happens: IRET raises #GP, and the kernel dies. A check for crashes alone sees it, if it injects an NMI.
//
// crossing: syscall64
// platform: xen-pv
// profile: intel, amd
// posture: normal
// path: nmi-callback entry_join
// depth: 1
// invariant: no-kernel-death
#include "threshold.h"
#define DESIGN_NAME "xen-nmi-native"
#include "designs/complete/Entry.S"

  .section .entry.text.xen, "ax"
  .globl xen_trap_2
xen_trap_2:
  popq %rcx
  popq %r11
  cld
  pushq $0
  PUSH_REGISTERS
  movq %rsp, %rdi
  call do_nmi
  POP_REGISTERS
  addq $8, %rsp
  iretq
