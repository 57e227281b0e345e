// irq-tracing: 2015 in a kernel that keeps a record of whether interrupts are on, hardirqs_enabled, as Linux's lockdep does.
//
// "We do not frame this tiny irq-off block with TRACE_IRQS_OFF/ON, it is too small to ever cause noticeable irq latency."
//
//                                       cell "omitted"          cell "framed" (TRACE_ENTRY)
//     SYSCALL ... the user's RSP        off, recorded on        the same: no stack to call on
//     ... on the kernel's stack         the same                off, recorded off
//     interrupts on                     on, recorded on         the same
#define IRQ_TRACING
#include "threshold.h"
#include "../2015/Hooks.h"
#include "../2015/Enter64.h"
#include "../2015/Call64.h"
#include "../2015/Exit64.h"
#include "../2015/Compat.h"

  .text
  .globl trace_hardirqs_on, trace_hardirqs_off
trace_hardirqs_on:
  movb $1, hardirqs_enabled(%rip)
  ret
trace_hardirqs_off:
  movb $0, hardirqs_enabled(%rip)
  ret

  .globl xen_callback_flags, irq_tracing, design_name, hardirqs_enabled
  .set xen_callback_flags, 1
  .set irq_tracing, 1
  .section .rodata
design_name: .asciz "irq-tracing"
  .data
hardirqs_enabled: .byte 0
