// A system call makes an indirect branch with user mode's branch history.
//
// The processor chooses between the targets that an indirect branch of the kernel's has had by the branches before it, and those of user mode count
// (branch history injection, CVE-2022-0001; from system calls without eBPF, CVE-2024-2201). Linux 6.9 sets BHI_DIS_S where the processor has
// it, once, and runs through a loop at each system call where not ("x86/bhi: Mitigate native BHI").
//
// Who could reach it: any user with system calls.
//
// What happens: nothing that a program could see but by time.
//
// crossing: syscall64
// platform: bare-metal
// profile: raptor-lake
// posture: normal
// path: none
// depth: 0
// invariant: history-cleared
#include "threshold.h"
#define DESIGN_NAME "history-kept"
#define NO_RESTRICTION
#include "parts/Guards.h"
.purgem ENTER_KERNEL_TABLES
.macro ENTER_KERNEL_TABLES
  call *counter(%rip)
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

  .section .rodata
counter:
  .quad count_entry

  .bss
entries:
  .skip 8
