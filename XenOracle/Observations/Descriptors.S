// Code that runs on the guest's own descriptors.
#include "../snippet.h"

ONE load_ds, movl %edx, %ds
SNIPPET load_ldt_selector
  movl %edx, %es
  movl %es, %eax
  END
