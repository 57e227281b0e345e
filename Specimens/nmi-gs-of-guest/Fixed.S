// nmi-gs-of-guest, fixed: the number is one that no guest can write.
#include "threshold.h"
#define DESIGN_NAME "nmi-gs-of-guest, fixed"
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
  movl cpu_number(%rip), %ecx
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
