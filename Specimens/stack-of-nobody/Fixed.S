// stack-of-nobody, fixed: the word that names the task's stack.
#include "threshold.h"
#define DESIGN_NAME "stack-of-nobody, fixed"
#define COMPAT_STACK PER_CPU(top_of_stack)
#include "designs/complete/Entry.S"
