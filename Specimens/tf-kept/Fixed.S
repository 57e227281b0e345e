// tf-kept, fixed: TF is among the flags that SYSCALL clears.
#include "threshold.h"
#define DESIGN_NAME "tf-kept, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  SYSCALL_CLEARS FLAGS_IF | FLAGS_DF | FLAGS_NT | FLAGS_AC | FLAGS_TF
  THRESHOLD_START_END
