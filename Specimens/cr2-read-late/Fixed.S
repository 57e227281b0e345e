// cr2-read-late, fixed: interrupts stay off until CR2 is read.
#include "threshold.h"
#define DESIGN_NAME "cr2-read-late, fixed"
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
