// fred-level-kept, fixed: the event returns by ERETS.
#include "threshold.h"
#define DESIGN_NAME "fred-level-kept, fixed"
#include "designs/fred/Entry.S"
