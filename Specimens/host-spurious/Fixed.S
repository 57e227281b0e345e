// host-spurious, fixed: every vector above the lines' has a gate.
#include "threshold.h"
#define DESIGN_NAME "host-spurious, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  .irp tens, 0x90, 0xa0, 0xb0, 0xc0, 0xd0, 0xe0
  .irp ones, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
  GATE \tens + \ones, spurious
  .endr
  .endr
  THRESHOLD_START_END

spurious:
  movl $0, 0xffffffffc00000b0           // end of interrupt
  iretq
