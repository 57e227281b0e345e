// INT 0x80 enters by a trap gate, with interrupts on, and an interrupt comes before SWAPGS.
//
// A trap gate leaves IF as it was, an interrupt gate clears it (SDM vol. 3A, "Flag Usage By Exception- or Interrupt-Handler Procedure"). Linux had a
// trap gate for INT 0x80 while per-CPU data needed no GS. The same class: CVE-2023-46836 (XSA-446), where Xen entered INT 0x80
// with interrupts on and ran a mitigation that an interrupt must not split.
//
// Who could reach it: any user, by INT 0x80 until an interrupt comes at its first instructions.
//
// What happens: the interrupt finds CS the kernel's and takes GS for the kernel's too; it is the user's. A check for crashes alone sees
// a page fault in the interrupt's handler where the user's base is 0, and nothing where there is memory.
//
// crossing: int80
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: external-interrupt entry_INT80
// depth: 1
// invariant: gs-owned
#include "threshold.h"
#define DESIGN_NAME "int80-trap-gate"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

#define PCPU_ticks PCPU_threshold

  THRESHOLD_START
  GATE 0x80, entry_INT80, level=3, type=0xf
  GATE 0x20, timer
  THRESHOLD_START_END

timer:
  pushq $0x20
  cld
  PUSH_REGISTERS
  testb $3, PT_CS(%rsp)
  jz 1f
  swapgs
1:
  incq PER_CPU(ticks)
  movq %rsp, %rdi
  call do_interrupt
  jmp return_from_trap
