// #VC has no stack of its own, and a host provokes one between SYSCALL and the load of the kernel's stack.
//
// In a guest whose memory and registers are encrypted, whatever the host would intercept is a #VC of the guest's first. It seems to come at
// known instructions alone; but the host decides what is intercepted, and which pages are there, and so it can come at any, also where RSP is
// still the user's. Linux gives #VC a stack of the IST therefore, and looks where it came from (a13644f3a53d, "x86/entry/64: Add entry code for
// #VC handler", 5.10; CVE-2024-25742 and -25743 are what else a host can make of it).
//
// Who could reach it: the host, and a user who chooses RSP and has help from it.
//
// What happens: the frame of the #VC, and then the kernel's own words, are written where the user's RSP points. A check for crashes alone sees
// nothing with a good RSP.
//
// crossing: syscall64
// platform: bare-metal
// profile: amd
// posture: normal
// path: host-vc entry_SYSCALL_64
// depth: 1
// invariant: rsp-owned
#include "threshold.h"
#define DESIGN_NAME "vc-in-gap"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#define TSS_IST5 0x44

  THRESHOLD_START
  leaq vc_stack_top(%rip), %rax
  movq %rax, tss + TSS_IST5(%rip)
  GATE 29, vmm_communication
  THRESHOLD_START_END

// What it would ask the host for is not there to be asked: it needs no register, no GS, and no C. It is done with the instruction.
vmm_communication:
  addq $8, %rsp
  andl $~FLAGS_RF, 16(%rsp)
  iretq

  .section .bss.pages, "aw", @nobits
  .balign 4096
  .skip 8192
vc_stack_top:
