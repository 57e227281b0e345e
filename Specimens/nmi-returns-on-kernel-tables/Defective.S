// An NMI in the last instructions of a system call returns with the kernel's page tables loaded.
//
// It came from the kernel, so it takes what was loaded for the kernel's tables and does not put anything back. But the way back to user mode
// had loaded the user's already. Linux saves CR3 where NMI, #DB and #MC enter and restores it, since 6.9 only where it was the user's
// (bb998361999e, "x86/entry: Avoid redundant CR3 write on paranoid returns"), which hangs on the register that it is kept in.
//
// Who could reach it: a user with system calls while NMIs come.
//
// What happens: the program runs with the kernel mapped until its next system call. Nothing dies, and nothing that a program can see differs.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi syscall_return_via_sysret+0xc
// depth: 1
// invariant: page-tables-owned
#include "threshold.h"
#define DESIGN_NAME "nmi-returns-on-kernel-tables"
#include "parts/PageTables.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  ISOLATION_RETURN
  ISOLATION_TRAPS
  ISOLATION_ANYWHERE isolated_1, 1, do_trap
  ISOLATION_ANYWHERE isolated_18, 18, do_trap
  ISOLATION_ANYWHERE isolated_2, 2, do_nmi, restore=0
  THRESHOLD_START
  ISOLATION_GATES
  THRESHOLD_START_END
