// Writes of control registers that must be refused. QEMU's TCG lets them through and then cannot go on, so the whole expected output is written down.
// Intel SDM vol. 2B, "MOV—Move to/from Control Registers", Protected and 64-Bit Mode Exceptions; vol. 3A, "Control Registers".
#include "case.h"

  .text
  .globl run_image
run_image:
  .macro REFUSED name, register, value
  CASE "\name"
  movabsq $\value, %rax
  AT
  movq %rax, %\register
  RESULT
  movq %\register, %rbx
  ENDLINE
  .endm
  REFUSED "cr0-pg-off-in-64-bit", cr0, 0x00010033
  REFUSED "cr0-pg-without-pe", cr0, 0x80010032
  REFUSED "cr4-pae-off", cr4, 0x600
  REFUSED "cr4-upper", cr4, 0x100000620
  REFUSED "cr4-reserved", cr4, 0x80000620
  REFUSED "cr4-vmxe-without", cr4, 0x2620
  REFUSED "cr4-la57", cr4, 0x1620
  REFUSED "cr3-reserved", cr3, 0x8000000000000000
  REFUSED "cr3-above-maxphyaddr", cr3, 0x0008000000000000
  REFUSED "cr8-10", cr8, 0x10
  ret
