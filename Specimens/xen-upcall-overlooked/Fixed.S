// xen-upcall-overlooked, fixed: who lets upcalls in looks whether one is pending.
#include "threshold.h"
#define DESIGN_NAME "xen-upcall-overlooked, fixed"

.purgem ENABLE_INTERRUPTS
.macro ENABLE_INTERRUPTS
  ALTERNATIVE "sti", FEATURE_XENPV, "call xen_irq_enable_direct"
.endm
#include "designs/complete/Entry.S"
