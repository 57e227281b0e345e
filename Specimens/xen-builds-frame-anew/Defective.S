// A PV guest's way back loads the user's RSP, as for SYSRET, and then builds the hypercall's frame; an NMI in between is pushed onto the
// user's stack.
//
// The native way back ends with the user's RSP loaded, and a hook in place of SWAPGS and SYSRET. Under Xen the hook stores RSP away, loads the
// kernel's and pushes anew the frame that the native code has just taken down. The user's RSP is loaded for three instructions, in which an
// NMI or #MC is pushed where it points. Linux afd30525a659, "x86/xen: Drop USERGS_SYSRET64 paravirt call" (5.12).
//
// Who could reach it: a user of a PV guest's, with system calls while the guest is sent NMIs.
//
// What happens: as in xen-undoes-frame, on the way out. A check for crashes alone sees a dead domain with a bad RSP, and nothing with a good one.
//
// crossing: syscall64
// platform: xen-pv
// profile: intel, amd
// posture: normal
// path: nmi-callback xen_sysret64
// depth: 1
// invariant: rsp-owned
#include "threshold.h"
#define DESIGN_NAME "xen-builds-frame-anew"

.macro EXIT_WORK_AND_HOOK
  EXIT_WORK
  ALTERNATIVE "", FEATURE_XENPV, "jmp xen_leave"
.endm
#define EXIT_WORK EXIT_WORK_AND_HOOK
#include "designs/complete/Entry.S"

  .section .entry.text.xen, "ax"
xen_leave:
  OPPORTUNISTIC_SYSRET failed=return_to_user
  RESTORE_EXTRA_REGISTERS
  RESTORE_C_REGISTERS_EXCEPT_RCX_R11
  movq PT_RSP(%rsp), %rsp
xen_sysret64:
  movq %rsp, PER_CPU(rsp_scratch)
  movq PER_CPU(top_of_stack), %rsp
  pushq $USER_DS
  pushq PER_CPU(rsp_scratch)
  pushq %r11
  pushq $USER_CS
  pushq %rcx
  jmp xen_iret
