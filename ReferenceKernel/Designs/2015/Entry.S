// 2015: what the mail of July 2015 quotes, with Linux 4.2's other half.
//
// "SWAPGS_UNSAFE_STACK ... movq %rsp, PER_CPU_VAR(rsp_scratch); movq PER_CPU_VAR(cpu_current_top_of_stack), %rsp", and on the way out
// "movq RSP(%rsp), %rsp ... USERGS_SYSRET64"; under Xen "the current doublestep with undo_xen_syscall".
//
//     Xen enters on this stack ...      ... which is undone, for native code to build this
//
//     kernel_sp                         top_of_stack
//     ss      e02b                      ss      2b
//     rsp     the user's                rsp     the user's, by way of rsp_scratch
//     rflags                            rflags
//     cs      e033                      cs      33
//     rip                               rip
//     r11                               orig_rax
//     rcx     <- RSP                    ...
//
// Between the two RSP is the user's again, in guest kernel mode: every event there is pushed where it points.
#include "threshold.h"
#include "Hooks.h"
#include "Enter64.h"
#include "Call64.h"
#include "Exit64.h"
#include "Compat.h"

  .globl xen_callback_flags, design_name
  .set xen_callback_flags, 1    // CALLBACKF_mask_events, as for every callback then
  .section .rodata
design_name: .asciz "2015"
