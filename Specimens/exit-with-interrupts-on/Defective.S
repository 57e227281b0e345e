// SYSCALL's way back loads the user's RSP with interrupts on.
//
// Interrupts go off before the last look at what is left to do, and stay off until SYSRET: the user's RSP and GS base are loaded in
// between, and an interrupt has no stack of its own. Linux has DISABLE_INTERRUPTS there (entry_64.S, "IRQs are off"); here it is missing. No
// release is known that missed it.
//
// Who could reach it: any user, at every system call in which an interrupt comes late.
//
// What happens: the interrupt is pushed onto the user's stack and works on its GS base. A check for crashes alone sees nothing unless it
// injects one there, and with a good stack not even then.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: interrupts-as-claimed
#include "threshold.h"
#define DESIGN_NAME "exit-with-interrupts-on"

.purgem DISABLE_INTERRUPTS
.macro DISABLE_INTERRUPTS
.endm
#include "designs/complete/Entry.S"
