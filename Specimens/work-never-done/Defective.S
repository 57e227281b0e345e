// The way out waits for work to be done that nobody does.
//
// What keeps a task from user mode is a word of flags, and the way out goes round until none is set. Which flags count, and which are dealt
// with, stand in two places here: the single step that SYSENTER owes its user counts, and is not on the list. Linux has had both in one
// loop of C since 4.4 (exit_to_usermode_loop). No release is known that had such a flag.
//
// Who could reach it: any user, by TF and SYSENTER.
//
// What happens: the processor goes round with interrupts off for ever. Nothing dies; a watchdog by NMI would see it.
//
// crossing: sysenter
// platform: bare-metal
// profile: intel
// posture: flags-tf
// path: none
// depth: 0
// invariant: progress
#include "threshold.h"
#define DESIGN_NAME "work-never-done"

.purgem EXIT_WORK
.macro EXIT_WORK
.Lagain\@:
  movq PER_CPU(task), %rax
  movq TASK_work(%rax), %rax
  testl $(WORK_SIGNAL | WORK_RESCHEDULE | WORK_SINGLE_STEP), %eax
  jz .Lnone\@
  testl $(WORK_SIGNAL | WORK_RESCHEDULE), %eax
  jz .Lagain\@
  movq %rsp, %rdi
  call exit_work
.Lnone\@:
.endm
#include "designs/complete/Entry.S"
