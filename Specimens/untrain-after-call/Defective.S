// The entry calls a function before it untrains the kernel's returns.
//
// On Zen and Zen 2 a branch of user mode's may decide where the processor thinks that a RET of the kernel's leads (Retbleed, CVE-2022-29900). So an
// entry runs once through an instruction that has the RET among its bytes, before it makes any. A call that comes to stand in front of that
// returns as user mode has trained it. Linux has untrained twice, and not at all behind a guest's exit (864bcaa38ee4, "x86/cpu/kvm: Provide
// UNTRAIN_RET_VM").
//
// Who could reach it: any user of a processor whose returns can be trained.
//
// What happens: nothing that a program could see but by time.
//
// crossing: syscall64
// platform: bare-metal
// profile: zen2
// posture: normal
// path: none
// depth: 0
// invariant: returns-untrained
#include "threshold.h"
#define DESIGN_NAME "untrain-after-call"
#define NO_RESTRICTION
#define UNTRAINS
#include "parts/Guards.h"
.purgem ENTER_KERNEL_TABLES
.macro ENTER_KERNEL_TABLES
  call count_entry
  RESTRICT 1
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  GUARDED_RETURN
  GUARDED_TRAPS
  THRESHOLD_START
  GUARDED_GATES
  THRESHOLD_START_END

count_entry:
  incq entries(%rip)
  ret

  .bss
entries:
  .skip 8
