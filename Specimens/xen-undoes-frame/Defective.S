// A PV guest's SYSCALL takes Xen's frame down, to enter as the processor would have; an NMI meanwhile is pushed onto the user's stack.
//
// Xen enters the kernel on its own stack, with a whole frame there. Linux loaded RCX, R11 and RSP back from it and joined the native entry
// behind its SWAPGS, which puts the same frame there anew. In between RSP is the user's. Event upcalls are masked, but NMI and #MC are not, and
// Xen pushes them where RSP points. Linux 8a9949bc71a7, "x86/xen/64: Rearrange the SYSCALL entries" (4.14).
//
// Who could reach it: a user of a PV guest's, with system calls while the guest is sent NMIs.
//
// What happens: the kernel's frame lies where another thread of the user's may write; or, where RSP points to nothing, Xen ends the domain. A check for
// crashes alone sees that with a bad RSP, and nothing with a good one.
//
// crossing: syscall64
// platform: xen-pv
// profile: intel, amd
// posture: normal
// path: nmi-callback entry_SYSCALL_64+0x3
// depth: 1
// invariant: rsp-owned
#include "threshold.h"
#define DESIGN_NAME "xen-undoes-frame"

#define xen_syscall_target xen_syscall_of_complete
#include "designs/complete/Entry.S"
#undef xen_syscall_target

  .section .entry.text.xen, "ax"
  .globl xen_syscall_target
xen_syscall_target:
  XEN_LEAVES_DF
  movq (%rsp), %rcx
  movq 8(%rsp), %r11
  movq 40(%rsp), %rsp
  jmp entry_SYSCALL_64 + 3      // behind its SWAPGS
