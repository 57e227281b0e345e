// A PV guest's SYSCALL callback is registered without CALLBACKF_mask_events, and an event upcall comes before struct pt_regs is there.
//
// Whether Xen lets events in at a callback's first instruction its registration says (xen/include/public/callback.h). Linux masks them for every callback
// (register_callback, arch/x86/xen/setup.c), and its entry code takes them to be off until it enables them. The mail that asked for another
// entry saw that one behind the enabling would have to be registered without; the enabling was moved behind instead: 1e423bff959e (4.6).
//
// Who could reach it: any user of a PV guest's.
//
// What happens: this entry does not mind, as it keeps nothing per CPU by then. A kernel that did would lose it. Nothing dies.
//
// crossing: syscall64
// platform: xen-pv
// profile: intel, amd
// posture: normal
// path: event-upcall xen_syscall_target
// depth: 1
// invariant: interrupts-as-claimed
#include "threshold.h"
#define DESIGN_NAME "xen-syscall-unmasked"
#include "designs/complete/Entry.S"

  .set xen_callback_flags, 0
