// Every system call returns to user mode with the kernel's page tables loaded.
//
// As iret-on-kernel-tables, but it is SYSRET's way back that forgets the switch, by which most programs come: the program then runs on the kernel's tables
// when it crosses the next time as well. Nothing is other behind the crossing than before it, and the way in loads what is loaded. CVE-2017-5754
// is what the tables are for. No release is known that forgot it.
//
// Who could reach it: any user; every program runs with the kernel mapped behind it.
//
// What happens: nothing. The user's pages are in both tables.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: page-tables-owned
#include "threshold.h"
#define DESIGN_NAME "sysret-on-kernel-tables"
#include "parts/PageTables.h"
.purgem LEAVE_KERNEL_TABLES
.macro LEAVE_KERNEL_TABLES
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  ISOLATION_HANDLERS
  THRESHOLD_START
  ISOLATION_GATES
  THRESHOLD_START_END
