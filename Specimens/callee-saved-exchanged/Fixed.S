// callee-saved-exchanged, fixed: each comes from its own place.
#include "threshold.h"
#define DESIGN_NAME "callee-saved-exchanged, fixed"
#include "designs/complete/Entry.S"
