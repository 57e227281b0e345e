// Interrupts on and off, as patch sites see them and as Swift does.
#include "../threshold.h"

  .text
// Lets event upcalls in. One that is pending is not delivered by that: any hypercall that leaves the hypervisor delivers
// it (xen/include/public/xen.h, evtchn_upcall_pending). No register changes.
  .globl xen_irq_enable_direct
xen_irq_enable_direct:
  movb $0, PER_CPU(upcall_mask)
  testb $0xff, PER_CPU(upcall_pending)
  jz 1f
  pushq %rax
  pushq %rcx
  pushq %rdi
  pushq %rsi
  pushq %r11
  xorl %edi, %edi
  xorl %esi, %esi
  movl $XEN_xen_version, %eax
  syscall
  popq %r11
  popq %rsi
  popq %rdi
  popq %rcx
  popq %rax
1:
  ret

  .globl local_irq_enable, local_irq_disable, irqs_disabled
local_irq_enable:
  TRACE_IRQS_ON
  ENABLE_INTERRUPTS
  ret
local_irq_disable:
  DISABLE_INTERRUPTS
  TRACE_IRQS_OFF
  ret

// Waits for an interrupt with them on, and comes back with them off. Under Xen sched_op(block) lets them in by itself.
  .globl wait_for_interrupt
wait_for_interrupt:
  TRACE_IRQS_ON
  ALTERNATIVE "sti; hlt", FEATURE_XENPV, "call xen_block"
  DISABLE_INTERRUPTS
  TRACE_IRQS_OFF
  ret
xen_block:
  movl $1, %edi                 // SCHEDOP_block
  xorl %esi, %esi
  movl $29, %eax                // sched_op
  syscall
  ret

// What the linker takes where no design traces.
  .weak trace_hardirqs_on, trace_hardirqs_off
trace_hardirqs_on:
trace_hardirqs_off:
  ret

// void reload_segments(void): after LGDT, the kernel's own CS.
  .globl reload_segments
reload_segments:
  popq %rax
  pushq $KERNEL_CS
  pushq %rax
  lretq
