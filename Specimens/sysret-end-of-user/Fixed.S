// sysret-end-of-user, fixed: the address is looked at.
#include "threshold.h"
#define DESIGN_NAME "sysret-end-of-user, fixed"
#include "designs/complete/Entry.S"

  .globl whole_user_half
  .set whole_user_half, 1
