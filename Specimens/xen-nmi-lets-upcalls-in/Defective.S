// A PV guest lets event upcalls in inside its NMI's handler.
//
// Xen masks NMIs for a virtual CPU up to its next iret hypercall, whoever makes it (xen/arch/x86/pv/iret.c, async_exception_cleanup), as a processor blocks them
// up to the next IRET: SDM vol. 3A, "Handling Multiple NMIs". Upcalls are masked apart, in vcpu_info, and a store opens them. The iret of an upcall's handler lets
// the next NMI in. No release is known that did this.
//
// Who could reach it: any user that makes events come; NMIs a PV guest has from profiling, where its host passes them on.
//
// What happens: nothing as long as nothing comes, nor with an upcall there. A second NMI is handled on top of the first one, which was not made for it. It
// is seen without either, where the handler comes to Xen with the upcalls open.
//
// crossing: syscall64
// platform: xen-pv
// profile: intel, amd
// posture: normal
// path: nmi-callback entry_join
// depth: 1
// invariant: interrupts-as-claimed
#include "threshold.h"
#define DESIGN_NAME "xen-nmi-lets-upcalls-in"
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
  POP_REGISTERS
  addq $8, %rsp
  jmp xen_iret
