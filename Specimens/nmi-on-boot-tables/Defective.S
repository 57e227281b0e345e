// An NMI's handler works on the page tables of the boot.
//
// A handler that comes anywhere needs tables that have all of the kernel, and the first ones are always there. They have nothing of the
// task's: what the handler reads at one of its addresses is nothing, or, on another task's tables, somebody else's. In Linux an NMI can come while CR3
// is not the task's, and reads there for a profile of its call chain: nmi_uaccess_okay asks first since 4012e77a903d, "x86/nmi: Fix NMI
// uaccess race against CR3 switching" (4.19).
//
// Who could reach it: a user who has profiles made of itself, or nobody: the first NMI.
//
// What happens: nothing; the handler puts back what it found. A check for crashes alone sees nothing, as long as the handler reads nothing of
// the task's.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_join
// depth: 1
// invariant: page-tables-owned
#include "threshold.h"
#define DESIGN_NAME "nmi-on-boot-tables"
#include "parts/PageTables.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  ISOLATION_RETURN
  ISOLATION_TRAPS
  ISOLATION_ANYWHERE isolated_1, 1, do_trap
  ISOLATION_ANYWHERE isolated_18, 18, do_trap
  ISOLATION_ANYWHERE isolated_2, 2, read_task
  THRESHOLD_START
  ISOLATION_GATES
  THRESHOLD_START_END

read_task:
  movq %cr3, %r15
  movq $(boot_l4 - 0xffffffff80000000), %rax
  movq %rax, %cr3
  movq PER_CPU(task), %rax
  movq %r15, %cr3
  ret
