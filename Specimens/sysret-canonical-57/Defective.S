// SYSRET's address is looked at as if it had 57 bits, on a processor that has 48.
//
// Whether an address is canonical hangs on how many bits of it are translated: 48 with four levels of page tables, 57 with five. A kernel
// that is built for both decides at its start. Linux patches the shift (arch/x86/entry/entry_64.S: the `shl` before SYSRET is an alternative
// for X86_FEATURE_LA57); before it had five levels an `.error` stood there for whoever would widen addresses. No release is known that had
// the wrong width.
//
// Who could reach it: any user, as with sysret-noncanonical: 0x0000800000000000 is canonical in 57 bits and not in 48.
//
// What happens: SYSRET raises #GP in the kernel, and it is pushed where the user's RSP points. A check for crashes alone sees a dead kernel.
//
// crossing: sigreturn
// platform: bare-metal
// profile: intel
// posture: return-sysret-noncanonical
// path: none
// depth: 0
// invariant: clean-exit
#include "threshold.h"
#define DESIGN_NAME "sysret-canonical-57"

.purgem UNLESS_CANONICAL
.macro UNLESS_CANONICAL failed
  movq %rcx, %r11
  shlq $(64 - 57), %r11
  sarq $(64 - 57), %r11
  cmpq %rcx, %r11
  jne \failed
.endm
#include "designs/complete/Entry.S"
