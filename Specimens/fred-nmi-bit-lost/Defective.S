// The kernel writes a whole word where a FRED frame has SS, and with it the bit by which an NMI's return lets NMIs in again.
//
// Bits 16 to 18 of the word are not SS: they say that STI blocked interrupts, that the event was a software event, that it was an NMI (SDM
// vol. 2, "ERETS"). Linux has made the field in struct pt_regs a selector of 16 bits with the rest beside it (`struct fred_ss`) for code
// that assigns to it; 723edbd2ca5f, "x86/fred: Set the FRED SS", is of a kernel whose frames had the wrong selector there.
//
// Who could reach it: nobody has to; the next NMI does.
//
// What happens: the way back to the kernel makes SS what it ought to be. The first NMI that interrupts the kernel is the last one that
// this processor takes.
//
// crossing: syscall64
// platform: bare-metal
// profile: wildcat-lake
// posture: normal
// path: nmi fred_syscall_enabled
// depth: 1
// invariant: fred-nmi-blocking
#include "threshold.h"
#define DESIGN_NAME "fred-nmi-bit-lost"
#define FRED_KERNEL_RETURN RETURN_WITH_SS

.macro RETURN_WITH_SS
  movq $KERNEL_DS, PT_SS(%rsp)
  FRED_ERETS
.endm

#include "designs/fred/Entry.S"
