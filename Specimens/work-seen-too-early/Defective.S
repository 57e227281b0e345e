// The way out looks for work with interrupts on, and turns them off behind the look.
//
// An interrupt between the two makes work that nobody sees: a signal, another task's turn. It is done at the next crossing, which a program that
// computes does not make. So Linux turns interrupts off first, looks, and keeps them off until user mode (Documentation/core-api/entry.rst;
// exit_to_user_mode_loop in kernel/entry/common.c). No release is known that had it the other way round on this path.
//
// Who could reach it: any user, by nothing but a timer.
//
// What happens: the alarm's signal comes late, or never. Nothing dies, nothing that the task can see of itself is wrong.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: alarm-due
// path: external-interrupt syscall_disable+0x1e
// depth: 1
// invariant: work-done
#include "threshold.h"
#define DESIGN_NAME "work-seen-too-early"

.purgem EXIT_WORK
.macro EXIT_WORK
  ENABLE_INTERRUPTS
  movq PER_CPU(task), %rax
  testl $(WORK_SIGNAL | WORK_RESCHEDULE | WORK_SINGLE_STEP), TASK_work(%rax)
  DISABLE_INTERRUPTS
  jz .Lnone\@
  movq %rsp, %rdi
  call exit_work
.Lnone\@:
.endm
#include "designs/complete/Entry.S"
