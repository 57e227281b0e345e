// A PV guest's INT 0x80 copies its frame to the stack that it is already on, with RSP above it.
//
// Since 4.15 Linux enters on a small stack and copies the frame to the task's. Under Xen PV there is no other than the task's: source and
// destination are the same. Every word is written over itself, which does no harm, but RSP is at the top of the stack until it is copied,
// and the frame below. Xen pushes NMI and #MC there. Linux fc24d75a7f91, "x86/entry/64/compat: Fix stack switching for XEN PV" (4.16).
//
// Who could reach it: a user of a PV guest's, by INT 0x80 while the guest is sent NMIs.
//
// What happens: the rest of the frame is copied from what the NMI left. The task returns to where the NMI was taken. A check for crashes alone
// sees a dead domain, if it injects an NMI there.
//
// crossing: int80
// platform: xen-pv
// profile: intel, amd
// posture: normal
// path: nmi-callback int80_copy
// depth: 1
// invariant: frame-intact
#include "threshold.h"
#define DESIGN_NAME "xen-int80-copied"
#include "designs/complete/Entry.S"

  .section .entry.text.xen, "ax"
  .globl xen_entry_INT80
xen_entry_INT80:
  popq %rcx
  popq %r11
  cld
  pushq %rdi
  movq %rsp, %rdi
  movq PER_CPU(top_of_stack), %rsp
int80_copy:
  pushq 40(%rdi)        // ss
  pushq 32(%rdi)        // rsp
  pushq 24(%rdi)        // rflags
  pushq 16(%rdi)        // cs
  pushq 8(%rdi)         // rip
  movq (%rdi), %rdi
int80_copied:
  pushq %rax
  PUSH_REGISTERS $-ENOSYS
  ENABLE_INTERRUPTS
  movq %rsp, %rdi
  call do_int80
  jmp return_from_trap
