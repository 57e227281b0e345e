// The page-fault handler lets interrupts in before it has read CR2; a page fault in one of them replaces it.
//
// Xen enabled interrupts on the way into its #PF handler as for other exceptions, and read the address afterwards: xen.git b06e76db7c.
// Linux had it late where tracing came between, until a0d14b8909de, "x86/mm, tracing: Fix CR2 corruption" (5.4).
//
// Who could reach it: a user whose page fault is answered while interrupts come whose handlers touch what is mapped on demand.
//
// What happens: the fault is answered for an address that the user never touched. Nothing crashes: the signal's si_addr is the kernel's.
//
// crossing: pf
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: external-interrupt page_fault_open+0x3
// depth: 1
// invariant: user-state-preserved
#include "threshold.h"
#define DESIGN_NAME "cr2-read-late"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/DemandPages.h"

  THRESHOLD_START
  GATE 14, page_fault
  GATE 0x20, timer
  THRESHOLD_START_END

page_fault:
  testb $3, 16(%rsp)
  jz demand_page_fault
  cld
  PUSH_REGISTERS
  swapgs
  sti
page_fault_open:
  movq %rsp, %rdi
  movl $14, %esi
  call do_trap                  // reads CR2 first, then lets interrupts in
  jmp return_from_trap

timer:
  pushq $0x20
  cld
  PUSH_REGISTERS
  testb $3, PT_CS(%rsp)
  jz 1f
  swapgs
1:
  movb DEMAND_PAGE(0), %al
  FORGET_DEMAND_PAGE 0
  movq %rsp, %rdi
  call do_interrupt
  jmp return_from_trap
