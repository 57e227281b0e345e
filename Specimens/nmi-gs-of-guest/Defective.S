// An NMI finds its per-CPU data by a CPU number that is a guest's.
//
// Where GS may be the user's or the kernel's, a handler can take the processor's number and load the base that goes with it. RDTSCP and RDPID give the
// number that the kernel has put into TSC_AUX; but while a guest's registers are loaded, or until the next return to user mode behind it, a
// hypervisor has the guest's value there. Linux 6a3ea3e68b8a, "x86/entry/64: Do not use RDPID in paranoid entry to accomodate KVM" (5.9).
//
// Who could reach it: whoever has a guest on the machine, by the number that the guest writes to TSC_AUX; then any NMI.
//
// What happens: the handler works on another processor's data and puts back the base that it found. The user sees nothing, and the kernel that was
// interrupted has its own base again.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_join
// depth: 1
// invariant: gs-owned
#include "threshold.h"
#define DESIGN_NAME "nmi-gs-of-guest"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

#define GS_BASE 0xc0000101
#define TSC_AUX 0xc0000103

  THRESHOLD_START
  GATE 2, nmi, stack=1
  movl $GS_BASE, %ecx
  rdmsr
  movl %eax, percpu_bases(%rip)
  movl %edx, percpu_bases + 4(%rip)
  movl $TSC_AUX, %ecx           // what the guest has left
  movl $1, %eax
  xorl %edx, %edx
  wrmsr
  THRESHOLD_START_END

nmi:
  cld
  pushq $0
  PUSH_REGISTERS
  movl $GS_BASE, %ecx
  rdmsr
  movl %eax, %ebp
  movl %edx, %ebx
  rdtscp
  leaq percpu_bases(%rip), %rdi
  movl (%rdi, %rcx, 8), %eax
  movl 4(%rdi, %rcx, 8), %edx
  movl $GS_BASE, %ecx
  wrmsr
  incq PER_CPU(threshold)
  movl %ebp, %eax
  movl %ebx, %edx
  wrmsr
  POP_REGISTERS
  addq $8, %rsp
  iretq

  .data
cpu_number:
  .long 0
percpu_bases:
  .quad 0, other_cpu
  .bss
other_cpu:
  .skip PCPU_SIZE
