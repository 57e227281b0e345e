// INT 0x80 calls C on the user's page tables.
//
// With page-table isolation an entry may touch what both tables have until it has loaded the kernel's. This one does so nowhere: whoever added the
// switch to every entry forgot the one that is seldom used. CVE-2018-10471 (XSA-259): Xen's own isolation missed a path of INT 0x80, which
// jumped into code that expected the switch to have been made.
//
// Who could reach it: any user, by INT 0x80.
//
// What happens: C code touches what is not mapped there, and the kernel dies. A check for crashes alone sees it.
//
// crossing: int80
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: page-tables-owned
#include "threshold.h"
#define DESIGN_NAME "int80-on-user-tables"
#include "parts/PageTables.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  ISOLATION_HANDLERS
  THRESHOLD_START
  ISOLATION_GATES
  GATE 0x80, entry_INT80, level=3
  THRESHOLD_START_END
