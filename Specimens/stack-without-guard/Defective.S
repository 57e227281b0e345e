// An NMI's handler runs off its stack, and below lies the one of #MC.
//
// Stacks of interrupts are small and lie side by side, one for each processor and kind. Linux had them as pages of one array until 5.2; since
// "x86/cpu_entry_area: Provide exception stacks with guard pages" (019b17b3ffe4) there is a page between each two that is not mapped. Without it what is too much for one is
// the next one's first words, where the frame of a machine check is while that is handled. Here the NMI has a KiB, and so many bytes of variables.
//
// Who could reach it: nobody needs to; the first NMI in the kernel, once a machine check is being handled.
//
// What happens: nothing, as long as no machine check is. A check for crashes alone sees nothing.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_join
// depth: 1
// invariant: stack-bounded
#include "threshold.h"
#define DESIGN_NAME "stack-without-guard"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

#define NMI_STACK 1024
#define MASKS 128

  THRESHOLD_START
  GATE 2, nmi, stack=1
  leaq nmi_stack_top(%rip), %rax
  movq %rax, tss + 0x24(%rip)   // IST1: NMI
  subq $NMI_STACK, %rax
  movq %rax, tss + 0x34(%rip)   // IST3: #MC, right below
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jnz trap_2
  cld
  pushq $0
  PUSH_REGISTERS
  GS_BY_BASE
  movl $MASKS, %ecx
1:
  pushq $-1                     // every processor
  loop 1b
  leaq 8 * MASKS(%rsp), %rdi
  call do_nmi
  addq $(8 * MASKS), %rsp
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  iretq

  .bss
  .balign 16
machine_check_stack:
  .skip 4096
nmi_stack:
  .skip NMI_STACK
nmi_stack_top:
