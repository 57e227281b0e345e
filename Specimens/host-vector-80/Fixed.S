// host-vector-80, fixed: the local APIC says what it is.
#include "threshold.h"
#define DESIGN_NAME "host-vector-80, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 0x80, vector_80, level=3
  THRESHOLD_START_END

vector_80:
  testl $1, 0xffffffffc0000140          // the in-service register of vectors 80h to 9fh
  jz entry_INT80
  movl $0, 0xffffffffc00000b0           // end of interrupt
  iretq
