// exit-slow: in as in 2015, out by the iret hypercall alone.
//
// "For SYSRET, I think the way to go is to force Xen to always use the syscall slow path. Instead, Xen could hook into
// syscall_return_via_sysret or even right before the opportunistic sysret stuff. Then we could remove the USERGS_SYSRET hooks entirely."
//
//     struct pt_regs as it stands     popped down to      xen_iret pushes below
//
//     ss                              ss
//     rsp                             rsp
//     rflags                          rflags
//     cs                              cs
//     rip                             rip   <- RSP        0, rcx, r11, rax
//
// RSP never is the user's again. Two cells: the hook at the SYSRET label, and before the test.
#include "threshold.h"
#define SLOW_PATH_UNDER_XEN
#include "../2015/Hooks.h"
#include "../2015/Enter64.h"
#include "../2015/Call64.h"
#include "Exit64.h"
#include "../2015/Compat.h"

  .globl xen_callback_flags, design_name
  .set xen_callback_flags, 1
  .section .rodata
design_name: .asciz "exit-slow"
