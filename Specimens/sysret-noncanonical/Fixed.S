// sysret-noncanonical, fixed: an address that is not canonical goes by IRET, whose fault is the user's.
#include "threshold.h"
#define DESIGN_NAME "sysret-noncanonical, fixed"
#include "designs/complete/Entry.S"
