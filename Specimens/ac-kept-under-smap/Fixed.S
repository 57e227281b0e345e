// ac-kept-under-smap, fixed: AC is cleared where the kernel is entered.
#include "threshold.h"
#define DESIGN_NAME "ac-kept-under-smap, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

#define CR4_SMAP 0x200000

  THRESHOLD_START
  GATE 0x80, int80, level=3
  GATE 0x20, timer
  movq %cr4, %rax
  orl $CR4_SMAP, %eax
  movq %rax, %cr4
  THRESHOLD_START_END

int80:
  clac
  cld
  pushq %rax
  PUSH_REGISTERS $-ENOSYS
  swapgs
  sti
  movq %rsp, %rdi
  call do_int80
  jmp return_from_trap

timer:
  clac
  jmp interrupt_stubs
