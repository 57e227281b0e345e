// Breakpoints in the kernel's own code, as tracers put them there (INT3 in place of an instruction's first byte): nothing is done at
// them here but to go on. From user mode #BP is what it always is.
//
//     GATE 3, kernel_breakpoint, level=3
  .text
kernel_breakpoint:
  testb $3, 8(%rsp)
  jnz trap_3
  iretq
