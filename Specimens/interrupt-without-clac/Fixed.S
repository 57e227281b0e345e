// interrupt-without-clac, fixed: the handler clears AC first.
#include "threshold.h"
#define DESIGN_NAME "interrupt-without-clac, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  movq %cr4, %rax
  btsq $21, %rax                // SMAP
  movq %rax, %cr4
  GATE 0x20, timer
  GATE 0x80, system_call, level=3
  THRESHOLD_START_END

timer:
  clac
  pushq $0x20
  cld
  PUSH_REGISTERS
  testb $3, PT_CS(%rsp)
  jz 1f
  swapgs
1:
  call note_tick
  movq %rsp, %rdi
  call do_interrupt
  jmp return_from_trap

note_tick:
  incq ticks(%rip)
  ret

system_call:
  cld
  clac
  pushq %rax
  PUSH_REGISTERS $-ENOSYS
  swapgs
  sti
  stac
copying:
  movq PT_RSP(%rsp), %rax
  movq (%rax), %rax             // the user's
  clac
  movq %rsp, %rdi
  call do_int80
  cli
  EXIT_WORK
  POP_REGISTERS
  addq $8, %rsp
  swapgs
  jmp native_iret

  .bss
ticks:
  .skip 8
