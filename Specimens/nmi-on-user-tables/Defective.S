// An NMI decides by CS whose page tables are loaded.
//
// CS says kernel from SYSCALL on, and the tables are the user's until the entry has switched; and so again at the end. As with GS
// (nmi-swapgs-by-cs) an NMI comes there too, and must ask CR3 itself. Linux saves and restores it (SAVE_AND_SWITCH_TO_KERNEL_CR3 in
// arch/x86/entry/calling.h). No release is known that did not.
//
// Who could reach it: a user with system calls while NMIs come.
//
// What happens: the NMI's handler counts in a variable that the user's tables do not have. A check for crashes alone sees a dead kernel.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_SYSCALL_64
// depth: 1
// invariant: page-tables-owned
#include "threshold.h"
#define DESIGN_NAME "nmi-on-user-tables"
#include "parts/PageTables.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  ISOLATION_RETURN
  ISOLATION_TRAPS
  ISOLATION_ANYWHERE isolated_1, 1, do_trap
  ISOLATION_ANYWHERE isolated_18, 18, do_trap
  ISOLATION_ANYWHERE isolated_2, 2, count_nmi, save=0
  THRESHOLD_START
  ISOLATION_GATES
  THRESHOLD_START_END

count_nmi:
  incq nmis(%rip)
  ret

  .bss
nmis:
  .skip 8
