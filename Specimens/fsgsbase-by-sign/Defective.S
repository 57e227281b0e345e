// With FSGSBASE an NMI takes a GS base in the upper half for the kernel's, and it is the user's.
//
// Without CR4.FSGSBASE a user's base is where the kernel lets it be, below 2^47, and the sign of the base tells whose it is. WRGSBASE takes any
// canonical address (SDM vol. 2B, "WRFSBASE/WRGSBASE"). Linux could not have it until its paranoid entry found the kernel's base without
// asking the user's: the FSGSBASE series of 5.9 (2020). Patches that set CR4.FSGSBASE from a module made root of any user.
//
// Who could reach it: any user, by WRGSBASE, SYSCALL and an NMI.
//
// What happens: the handler's per-CPU variables are wherever the user wants, in the kernel's half. A check for crashes alone sees nothing where there is
// memory, and there is some at the kernel's own data.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: gs-kernel
// path: nmi entry_SYSCALL_64
// depth: 1
// invariant: gs-owned
#include "threshold.h"
#define DESIGN_NAME "fsgsbase-by-sign"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

#define PCPU_nmis PCPU_threshold
  .globl fsgsbase
  .set fsgsbase, 1

  THRESHOLD_START
  GATE 1, debug, stack=2
  GATE 2, nmi, stack=1
  GATE 18, machine_check, stack=3
  THRESHOLD_START_END

.macro HANDLER name, vector, enter, leave
\name:
  testb $3, 8(%rsp)
  jnz trap_\vector
  cld
  pushq $0
  PUSH_REGISTERS
  \enter
  incq PER_CPU(nmis)
  movl $\vector, %esi
  movq %rsp, %rdi
  .if \vector == 2
  call do_nmi
  .else
  call do_trap
  .endif
  \leave
  POP_REGISTERS
  addq $8, %rsp
  iretq
.endm

  HANDLER debug, 1, GS_SAVED, GS_RESTORED
  HANDLER nmi, 2, GS_BY_BASE, GS_BACK
  HANDLER machine_check, 18, GS_SAVED, GS_RESTORED
