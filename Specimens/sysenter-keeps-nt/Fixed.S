// sysenter-keeps-nt, fixed: NT is cleared before anything is called.
#include "threshold.h"
#define DESIGN_NAME "sysenter-keeps-nt, fixed"
#define SYSENTER_CLEARS (FLAGS_AC | FLAGS_NT)
#include "designs/complete/Entry.S"
