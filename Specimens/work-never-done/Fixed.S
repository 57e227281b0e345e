// work-never-done, fixed: what counts is dealt with.
#include "threshold.h"
#define DESIGN_NAME "work-never-done, fixed"

.purgem EXIT_WORK
.macro EXIT_WORK
.Lagain\@:
  movq PER_CPU(task), %rax
  movq TASK_work(%rax), %rax
  testl $(WORK_SIGNAL | WORK_RESCHEDULE | WORK_SINGLE_STEP), %eax
  jz .Lnone\@
  testl $(WORK_SIGNAL | WORK_RESCHEDULE | WORK_SINGLE_STEP), %eax
  jz .Lagain\@
  movq %rsp, %rdi
  call exit_work
.Lnone\@:
.endm
#include "designs/complete/Entry.S"
