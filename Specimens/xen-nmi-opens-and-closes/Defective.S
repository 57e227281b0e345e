// A PV guest lets event upcalls in for a while inside its NMI's handler.
//
// As xen-nmi-lets-upcalls-in, but they are masked again before the handler comes to the hypervisor, which so never finds them open. A handler that takes
// its time may mean well by it; it is what `local_irq_enable` and `local_irq_disable` around a piece of work come to. But the iret of an upcall's handler
// lets the next NMI in (xen/arch/x86/pv/iret.c, async_exception_cleanup). No release is known that did this.
//
// Who could reach it: any user that makes events come; NMIs a PV guest has from profiling, where its host passes them on.
//
// What happens: nothing as long as nothing comes in between, and nothing that the hypervisor could see. A second NMI is then handled on top of the first.
//
// crossing: syscall64
// platform: xen-pv
// profile: intel, amd
// posture: normal
// path: nmi-callback entry_join
// depth: 1
// invariant: interrupts-as-claimed
#include "threshold.h"
#define DESIGN_NAME "xen-nmi-opens-and-closes"
#include "designs/complete/Entry.S"

  .section .entry.text.xen, "ax"
  .globl xen_trap_2
xen_trap_2:
  popq %rcx
  popq %r11
  cld
  pushq $0
  PUSH_REGISTERS
  ENABLE_INTERRUPTS
  movq %rsp, %rdi
  call do_nmi
  DISABLE_INTERRUPTS
  POP_REGISTERS
  addq $8, %rsp
  jmp xen_iret
