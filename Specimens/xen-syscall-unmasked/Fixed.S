// xen-syscall-unmasked, fixed: with it.
#include "threshold.h"
#define DESIGN_NAME "xen-syscall-unmasked, fixed"
#include "designs/complete/Entry.S"

  .set xen_callback_flags, 1
