// The handler of an interrupt runs with the AC of the copy that it interrupted.
//
// While the kernel copies from the user it sets AC, by which SMAP lets it (SDM vol. 2B, "STAC"; vol. 3A, "Determination of Access Rights").
// Delivery of an event leaves AC as it is, so that each handler has to begin with CLAC, as Linux's do (ASM_CLAC). One that counts on
// the entry of the system call to have cleared it forgets the kernel's own. No release is known that did.
//
// Who could reach it: nobody by itself. A stray pointer of the handler's then reaches what a user chose instead of being a fault.
//
// What happens: nothing that a program sees.
//
// crossing: int80
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: external-interrupt copying
// depth: 1
// invariant: flags-sanitised
#include "threshold.h"
#define DESIGN_NAME "interrupt-without-clac"
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
