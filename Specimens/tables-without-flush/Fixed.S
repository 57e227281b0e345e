// tables-without-flush, fixed: the load drops what the processor has of the PCID.
#include "threshold.h"
#define DESIGN_NAME "tables-without-flush, fixed"
#include "parts/PageTables.h"

.purgem LEAVE_KERNEL_TABLES
.macro LEAVE_KERNEL_TABLES
  movq PER_CPU(user_cr3), %rax
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
1:
  THRESHOLD_START_END
