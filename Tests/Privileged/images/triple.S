// A triple fault: the processor shuts down, the board resets, `done` is never printed.
// Intel SDM vol. 3A, "Interrupt 8—Double Fault Exception (#DF)": a fault while #DF is delivered.
#include "case.h"

  .text
  .globl run_image
run_image:
  CASE "before"
  END
  CASE "never-shown"
  movb $0, idt + 16 * 8 + 5
  movb $0, idt + 16 * 13 + 5
  movl $RPL3(K_DATA), %eax
  movl %eax, %ds
  END
  ret
