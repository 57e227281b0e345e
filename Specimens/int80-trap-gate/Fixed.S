// int80-trap-gate, fixed: by an interrupt gate.
#include "threshold.h"
#define DESIGN_NAME "int80-trap-gate, fixed"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

#define PCPU_ticks PCPU_threshold

  THRESHOLD_START
  GATE 0x80, entry_INT80, level=3, type=0xe
  GATE 0x20, timer
  THRESHOLD_START_END

timer:
  pushq $0x20
  cld
  PUSH_REGISTERS
  testb $3, PT_CS(%rsp)
  jz 1f
  swapgs
1:
  incq PER_CPU(ticks)
  movq %rsp, %rdi
  call do_interrupt
  jmp return_from_trap
