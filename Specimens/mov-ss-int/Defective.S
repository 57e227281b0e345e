// #DB at the first instruction of INT 0x80 decides by CS whose GS base is loaded.
//
// CVE-2018-8897 by its other door: MOV SS from a word with a watchpoint puts #DB off until the next instruction is done (SDM vol. 3A, "Masking
// Exceptions and Interrupts When Switching Stacks"). Where that is INT n, #DB comes at the first instruction of the handler, with CS the kernel's, and
// GS the user's. Windows and the BSDs swapped GS in #DB by CS alone.
//
// Who could reach it: any user who can set a debug register for itself, by ptrace.
//
// What happens: the #DB handler's per-CPU variables are wherever the user wants. Limen's breakpoint at this boundary stands for the watchpoint
// that was put off. A check for crashes alone sees a page fault where the user's base is 0, and nothing where there is memory.
//
// crossing: int80
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: debug-breakpoint entry_INT80
// depth: 1
// invariant: gs-owned
#include "threshold.h"
#define DESIGN_NAME "mov-ss-int"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

#define PCPU_breakpoints PCPU_threshold

  THRESHOLD_START
  GATE 1, debug, stack=2
  THRESHOLD_START_END

debug:
  testb $3, 8(%rsp)
  jnz trap_1
  cld
  pushq $0
  PUSH_REGISTERS
  incq PER_CPU(breakpoints)
  movl $1, %esi
  movq %rsp, %rdi
  call do_trap
  POP_REGISTERS
  addq $8, %rsp
  iretq
