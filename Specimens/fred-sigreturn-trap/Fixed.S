// fred-sigreturn-trap, fixed: what rt_sigreturn fills in has no mark.
#include "threshold.h"
#define DESIGN_NAME "fred-sigreturn-trap, fixed"
#include "designs/fred/Entry.S"
