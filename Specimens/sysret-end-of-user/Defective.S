// A SYSCALL that is the last instruction below the addresses that are not canonical returns by SYSRET.
//
// SYSCALL puts the address behind it into RCX, and at the end of the lower half that address is not canonical: nothing but SYSRET need be wrong
// for that, no signal and no debugger. CVE-2006-0744; Linux has left the last page to nobody since (TASK_SIZE_MAX,
// arch/x86/include/asm/page_64_types.h), and looks at the address as well.
//
// Who could reach it: any user, by mmap and one instruction.
//
// What happens: as in sysret-noncanonical. A check for crashes alone sees a dead kernel.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel
// posture: code-end
// path: none
// depth: 0
// invariant: clean-exit
#include "threshold.h"
#define DESIGN_NAME "sysret-end-of-user"
.purgem UNLESS_CANONICAL
.macro UNLESS_CANONICAL failed
.endm
#include "designs/complete/Entry.S"

  .globl whole_user_half
  .set whole_user_half, 1
