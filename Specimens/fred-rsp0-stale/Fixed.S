// fred-rsp0-stale, fixed: what loses the register writes it again. To have the way back write it would not do: the machine check may come
// behind that.
#include "threshold.h"
#define DESIGN_NAME "fred-rsp0-stale, fixed"
#define FRED_IN_TRAP WRITE_STACK

.macro WRITE_STACK
  cmpl $18, %esi
  jne .Lkept\@
  movq PER_CPU(top_of_stack), %rax
  addq $16, %rax
  FRED_REGISTER 0x1cc
.Lkept\@:
.endm

#include "designs/fred/Entry.S"
