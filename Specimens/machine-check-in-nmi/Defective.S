// #MC in an NMI that came where the kernel runs on the user's GS base.
//
// CS says kernel at the first instruction of SYSCALL and at the SYSRET, and GS is the user's there. Young kernels decide by CS and run
// their NMI and #MC handlers on the user's GS: NON-OS issue 410 and Uros issue 440, both of 2026. This one knows the two places and
// compares RIP with them. That holds until the handler that came there is itself interrupted before its SWAPGS: RIP is the NMI
// handler's then, and GS still the user's. Linux and the fix of Uros read the base (paranoid_entry; SDM vol. 2B, "SWAPGS").
//
// Who could reach it: a user with system calls while NMIs and machine checks come. With CR4.FSGSBASE or ARCH_SET_GS the base is chosen.
//
// What happens: the handler's per-CPU variables are wherever the user wants.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_SYSCALL_64, machine-check trap_2
// depth: 2
// invariant: gs-owned
#include "threshold.h"
#define DESIGN_NAME "machine-check-in-nmi"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

#define PCPU_machine_checks PCPU_threshold
  .set SYSRETQ, entry_SYSENTER_compat - 3       // the design's last instruction before the code for compatibility mode

  THRESHOLD_START
  GATE 18, machine_check, stack=3
  THRESHOLD_START_END

.macro GS_BY_PLACE
  xorl %ebx, %ebx
  leaq entry_SYSCALL_64(%rip), %rax
  cmpq %rax, PT_RIP(%rsp)
  je 1f
  leaq SYSRETQ(%rip), %rax
  cmpq %rax, PT_RIP(%rsp)
  jne 2f
1:
  swapgs
  incl %ebx
2:
.endm

machine_check:
  testb $3, 8(%rsp)
  jnz trap_18
  cld
  pushq $0
  PUSH_REGISTERS
  GS_BY_PLACE
  incq PER_CPU(machine_checks)
  movq %rsp, %rdi
  movl $18, %esi
  call do_trap
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  iretq
