// A PV guest lets event upcalls in and does not look whether one is pending.
//
// The mask is a byte of memory, and Xen looks at it where it returns to the guest and nowhere else. Who clears it must look at the byte beside it, which
// says that an upcall is pending, and make a hypercall if one is (xen/include/public/xen.h, evtchn_upcall_pending; Linux arch/x86/xen/xen-asm.S,
// xen_irq_enable_direct). Here the entry clears the mask as it would set IF. No release is known that did this.
//
// Who could reach it: any user, by nothing but a system call that takes its time.
//
// What happens: what came while the call was entered waits for the next hypercall, exit or interrupt of the machine: nothing is lost in this system call, which
// ends by a hypercall. A call that computes goes on without its timer, and whoever waits there with interrupts on for what is pending already waits for
// ever.
//
// crossing: syscall64
// platform: xen-pv
// profile: intel, amd
// posture: normal
// path: event-upcall entry_join
// depth: 1
// invariant: interrupts-as-claimed
#include "threshold.h"
#define DESIGN_NAME "xen-upcall-overlooked"

.purgem ENABLE_INTERRUPTS
.macro ENABLE_INTERRUPTS
  ALTERNATIVE "sti", FEATURE_XENPV, "movb $0, %gs:pcpu_upcall_mask"
.endm
#include "designs/complete/Entry.S"
