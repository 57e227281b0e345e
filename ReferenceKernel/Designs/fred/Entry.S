// fred: where the processor has flexible return and event delivery every event comes in by one of two entries, on the stack that the
// processor has chosen, with GS the kernel's and the flags clear, and leaves by ERETU or ERETS. Elsewhere, and under Xen, it is complete.
//
// What the mail asks for is then the processor's doing: "can we just enter later on?" has no "later", since the frame is pushed before the
// first instruction. Intel SDM vol. 2, "ERETS", "ERETU"; Documentation/FRED.md.
#ifndef DESIGN_NAME
#define DESIGN_NAME "fred"
#endif
#include "../complete/Entry.S"
#include "parts/Start.h"
#include "parts/FRED.h"

  THRESHOLD_START
  FRED_START
  THRESHOLD_START_END
  FRED_ENTRY
