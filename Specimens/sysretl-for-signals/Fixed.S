// sysretl-for-signals, fixed: where the handler goes on, IRET leads, as the design complete has it.
#include "threshold.h"
#define DESIGN_NAME "sysretl-for-signals, fixed"
#include "designs/complete/Entry.S"
