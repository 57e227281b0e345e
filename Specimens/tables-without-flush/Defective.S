// SYSCALL's way back loads the user's page tables under the kernel's PCID, and keeps what the processor has of it.
//
// With PCIDs a load of CR3 drops the translations of the PCID that it names, unless bit 63 is set. That makes page-table isolation cheap: Linux keeps them on
// every way in and back since 4.15 (6fd166aae78c, "x86/mm: Use/Fix PCID to optimize user/kernel switches"), with one PCID for the kernel's
// tables and another for the user's. Here there is one for both. No release is known that did this.
//
// Who could reach it: any user, by any system call, on a processor with Meltdown (CVE-2017-5754).
//
// What happens: nothing that a program could see. Its own pages are the same in both tables, and the kernel's are the supervisor's. But what the user's tables
// are to hide is translated for user mode all the same, and that they lack it is the whole defence.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel
// posture: normal
// path: none
// depth: 0
// invariant: page-tables-owned
#include "threshold.h"
#define DESIGN_NAME "tables-without-flush"
#include "parts/PageTables.h"

.purgem LEAVE_KERNEL_TABLES
.macro LEAVE_KERNEL_TABLES
  movq PER_CPU(user_cr3), %rax
  orq PER_CPU(threshold), %rax  // bit 63, where there are PCIDs
  movq %rax, %cr3
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  ISOLATION_HANDLERS
  THRESHOLD_START
  ISOLATION_GATES
  movl $1, %eax
  cpuid
  btl $17, %ecx                 // PCID
  jnc 1f
  movq %cr4, %rax
  btsq $17, %rax                // PCIDE
  movq %rax, %cr4
  movl $1, %eax
  shlq $63, %rax
  movq %rax, PER_CPU(threshold)
1:
  THRESHOLD_START_END
