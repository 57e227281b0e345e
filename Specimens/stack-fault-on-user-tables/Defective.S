// #SS calls C on the user's page tables.
//
// With page-table isolation every vector that user mode can raise needs the switch, the seldom ones too: #SS comes of any access by RSP or RBP to an
// address that is not canonical (SDM vol. 3A, "Interrupt 12--Stack Fault Exception (#SS)"). This gate was left as it was before isolation. As with INT
// 0x80 in CVE-2018-10471 (XSA-259) the path is one that nobody tries. No release is known that had it for this vector.
//
// Who could reach it: any user.
//
// What happens: C code touches what is not mapped there, and the kernel dies. A check for crashes alone sees it, if it asks for #SS.
//
// crossing: ss
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: page-tables-owned
#include "threshold.h"
#define DESIGN_NAME "stack-fault-on-user-tables"
#include "parts/PageTables.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  ISOLATION_HANDLERS
  THRESHOLD_START
  ISOLATION_GATES
  GATE 12, trap_12
  THRESHOLD_START_END
