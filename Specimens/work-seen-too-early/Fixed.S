// work-seen-too-early, fixed: interrupts are off when it looks.
#include "threshold.h"
#define DESIGN_NAME "work-seen-too-early, fixed"

.purgem EXIT_WORK
.macro EXIT_WORK
  movq PER_CPU(task), %rax
  testl $(WORK_SIGNAL | WORK_RESCHEDULE | WORK_SINGLE_STEP), TASK_work(%rax)
  DISABLE_INTERRUPTS
  jz .Lnone\@
  movq %rsp, %rdi
  call exit_work
.Lnone\@:
.endm
#include "designs/complete/Entry.S"
