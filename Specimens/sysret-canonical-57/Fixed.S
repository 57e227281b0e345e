// sysret-canonical-57, fixed: 48 bits.
#include "threshold.h"
#define DESIGN_NAME "sysret-canonical-57, fixed"

.purgem UNLESS_CANONICAL
.macro UNLESS_CANONICAL failed
  movq %rcx, %r11
  shlq $(64 - 48), %r11
  sarq $(64 - 48), %r11
  cmpq %rcx, %r11
  jne \failed
.endm
#include "designs/complete/Entry.S"
