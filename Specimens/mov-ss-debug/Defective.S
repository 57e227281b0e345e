// #DB at the first instruction of SYSCALL, pushed where the user's RSP points.
//
// CVE-2018-8897: MOV SS from a word with a watchpoint puts #DB off until the next instruction is done (SDM vol. 3A, "Masking Exceptions
// and Interrupts When Switching Stacks"). Where that is SYSCALL, #DB comes at the kernel's first instruction, with RSP and GS the user's.
// Windows, macOS and FreeBSD did not expect #DB from the kernel there. What it takes is a stack of its own and GS by its base.
//
// Who could reach it: any user who can set a debug register for itself, by ptrace.
//
// What happens: the kernel writes a frame at an address of the user's choice. Limen's breakpoint at this boundary stands for the
// watchpoint that was put off.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: debug-breakpoint entry_SYSCALL_64
// depth: 1
// invariant: rsp-owned
#include "threshold.h"
#define DESIGN_NAME "mov-ss-debug"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 1, trap_1, stack=0
  THRESHOLD_START_END
