// The failsafe callback throws away RCX and R11 with the selectors.
//
// When Xen switches to a virtual CPU it loads DS, ES, FS and GS anew, and where a descriptor has gone meanwhile it enters the kernel by its
// failsafe callback: above RCX and R11, which the way out destroys, lie the four selectors as they were, and above them the frame
// (load_segments, xen/arch/x86/domain.c). Of all of Xen's entries it is taken least, and Linux had it wrong more than once: until b3681dd548d0,
// "x86/entry/64: Remove %ebx handling from error_entry/exit" (4.18, CVE-2018-14678), it went on with a flag in EBX that nobody had set. This one
// is simpler: no release is known that had it.
//
// Who could reach it: a user whose second thread takes a segment away that the first one holds, and a host at any time.
//
// What happens: the program, or the kernel at any instruction, goes on with other values in RCX and R11. A check for crashes alone sees nothing
// in user mode.
//
// crossing: syscall64
// platform: xen-pv
// profile: intel, amd
// posture: normal
// path: host-failsafe user
// depth: 1
// invariant: user-state-preserved
#include "threshold.h"
#define DESIGN_NAME "xen-failsafe-loses-registers"
#include "designs/complete/Entry.S"

  .text
  .globl xen_failsafe_callback
xen_failsafe_callback:
  addq $48, %rsp
  cld
  pushq $0
  PUSH_REGISTERS
  jmp return_from_trap
