// An NMI decides by CS alone whose GS base is loaded.
//
// CS says kernel from SYSCALL on, and GS is the user's until SWAPGS; and so again at the end. An NMI comes there as well. A handler that
// swaps GS for CS 3 alone works on the user's base: Asterinas issue 3904 and NON-OS issue 410, both of 2026, and most young kernels. What
// decides is the base itself (SDM vol. 2B, "SWAPGS"; Linux: paranoid_entry).
//
// Who could reach it: a user with system calls while NMIs come. With CR4.FSGSBASE or ARCH_SET_GS the base is chosen.
//
// What happens: the handler's per-CPU variables are wherever the user wants. A check for crashes alone sees a page fault in the NMI's
// handler where the user's base is 0, and nothing where the user has memory at it.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_SYSCALL_64
// depth: 1
// invariant: gs-owned
#include "threshold.h"
#define DESIGN_NAME "nmi-swapgs-by-cs"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

#define PCPU_nmis PCPU_threshold

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jnz trap_2
  cld
  pushq $0
  PUSH_REGISTERS
  incq PER_CPU(nmis)
  POP_REGISTERS
  addq $8, %rsp
  iretq
