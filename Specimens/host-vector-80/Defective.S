// An external interrupt at vector 80h is taken for a system call.
//
// The gate of INT 0x80 is open to whoever raises vector 80h, and the privilege that the gate asks of INT n is asked of no interrupt (SDM vol. 3A, "Privilege
// Checking of Exception- and Interrupt-Handler Procedures"). No device has that vector, but a host may send its guest any: Heckler, CVE-2024-25744.
// Guests under TDX and SEV, which are to be proof against their hosts, took one for a system call of the program that it interrupted. Linux asks the local APIC
// whether the vector is in service since 55617fb991df, "x86/entry: Do not allow external 0x80 interrupts" (6.7), and has no INT 0x80 for such
// guests otherwise (b82a8dbd3d2f).
//
// Who could reach it: the host, at any instruction of any program: a call of its choice, by the registers that the program has there.
//
// What happens: the program's RAX holds a result, and the interrupt is never finished. In the kernel GS is exchanged once too often. A check
// for crashes alone sees nothing in user mode.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: host-vector-80 user
// depth: 1
// invariant: interrupts-as-claimed
#include "threshold.h"
#define DESIGN_NAME "host-vector-80"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 0x80, entry_INT80, level=3
  THRESHOLD_START_END
