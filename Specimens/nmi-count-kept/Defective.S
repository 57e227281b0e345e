// An NMI from user mode counts itself in and not out.
//
// Kernels count how deep they are in NMIs, for whoever must know that it may not wait, nor take a lock (Linux `nmi_enter` and `nmi_exit`, which add to and
// take from `preempt_count`). Ways back are more than one: from the kernel by the handler's own end, from user mode by the one that all traps take.
// Here the second does not count down. No release is known that did this on x86; that a path leaves `preempt_count` as another one is what Linux looks
// for where interrupts end, and in its scheduler ("BUG: scheduling while atomic").
//
// Who could reach it: any user, by nothing; NMIs come from profiling and from the watchdog.
//
// What happens: nothing that a task can see. Each such NMI adds one. As soon as somebody asks the count the kernel takes itself for a handler for ever;
// after 16 of them Linux's field runs over into the next one.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi user
// depth: 1
// invariant: counts-balanced
#include "threshold.h"
#define DESIGN_NAME "nmi-count-kept"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jnz nmi_from_user
  cld
  pushq $0
  PUSH_REGISTERS
  GS_BY_BASE
  incl PER_CPU(threshold)
  movq %rsp, %rdi
  call do_nmi
  decl PER_CPU(threshold)
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  iretq
nmi_from_user:
  swapgs
  cld
  pushq $0
  PUSH_REGISTERS
  incl PER_CPU(threshold)
  movq %rsp, %rdi
  call do_nmi
  jmp restore_registers_and_iret
