// INT 0x80 leaves the user's AC set, and the kernel works without SMAP.
//
// With CR4.SMAP the kernel reaches the user's pages only while AC is set (SDM vol. 3A, "Determination of Access Rights"), and a program may set AC by
// POPF. An entry without CLAC runs kernel code with it. Linux has CLAC at every entry through the IDT, and AC in the mask of SYSCALL; 4.5 came
// into C code by SYSENTER without ("x86/entry/32: Add an ASM_CLAC to entry_SYSENTER_32").
//
// Who could reach it: any user, by setting AC; it makes a second defect, a pointer that the kernel should not follow, usable again.
//
// What happens: nothing. Every access works, and the user has its AC back.
//
// crossing: int80
// platform: bare-metal
// profile: intel, amd
// posture: flags-ac
// path: none
// depth: 0
// invariant: flags-sanitised
#include "threshold.h"
#define DESIGN_NAME "ac-kept-under-smap"
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
