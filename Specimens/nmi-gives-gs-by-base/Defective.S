// The NMI handler takes the kernel's GS by SWAPGS, and gives the user's back by writing the base.
//
// A kernel may do either: exchange the two bases, or keep the one that it found and write it back. Linux has both since 5.9, which of them
// depends on CR4.FSGSBASE, and asks the same question on the way in and on the way out (`paranoid_entry`, `paranoid_exit`,
// arch/x86/entry/entry_64.S). No release is known in which the two disagreed.
//
// Who could reach it: any user, once an NMI comes between the SWAPGS of an exit and its SYSRET.
//
// What happens: user mode has its GS base and goes on. The base that waits for the kernel is the user's, too, and the next SWAPGS loads
// it: the next system call runs on whatever per-CPU variables the user likes.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi syscall_return_via_sysret+0x4b
// depth: 1
// invariant: entries-kept
#include "threshold.h"
#define DESIGN_NAME "nmi-gives-gs-by-base"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

.macro GIVE_GS_BACK
  movl $0xc0000101, %ecx        // GS base
  movl %r12d, %eax
  movl %r13d, %edx
  wrmsr
.endm

nmi:
  testb $3, 8(%rsp)
  jnz trap_2
  cld
  pushq $0
  PUSH_REGISTERS
  xorl %ebx, %ebx
  movl $0xc0000101, %ecx
  rdmsr
  testl %edx, %edx
  js 1f
  movl %eax, %r12d
  movl %edx, %r13d
  swapgs
  incl %ebx
1:
  movq %rsp, %rdi
  call do_nmi
  testl %ebx, %ebx
  jz 2f
  GIVE_GS_BACK
2:
  POP_REGISTERS
  addq $8, %rsp
  iretq
