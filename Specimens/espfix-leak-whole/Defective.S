// IRET to a stack segment of 16 bits leaves all but the lowest 16 bits of the kernel's RSP in the user's.
//
// As espfix-leak; but AMD's processors keep what is above SP whole where the return goes to 32-bit code, and Intel's clear the upper half. So the address of a
// kernel's stack is in the user's RSP as it is, for whoever goes on to 64-bit code from there. The repair is the same: Linux 3891a04aafd6 (3.16).
//
// Who could reach it: any user, who learns where its kernel stack is.
//
// What happens: nothing dies, and an event makes no difference.
//
// crossing: sigreturn
// platform: bare-metal
// profile: amd
// posture: return-cs-32-ss-16bit
// path: none
// depth: 0
// invariant: no-leak
#include "threshold.h"
#define DESIGN_NAME "espfix-leak-whole"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Espfix.h"

  THRESHOLD_START
  ESPFIX_START
  GATE 8, espfix_double_fault, stack=4
  THRESHOLD_START_END

  .globl native_return
native_return:
  jmp native_iret
