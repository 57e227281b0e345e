// iret-on-kernel-tables, fixed: the user's are loaded on the last stack that both have.
#include "threshold.h"
#define DESIGN_NAME "iret-on-kernel-tables, fixed"
#include "parts/PageTables.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  ISOLATION_HANDLERS
  THRESHOLD_START
  ISOLATION_GATES
  GATE 0x80, int80, level=3
  THRESHOLD_START_END

int80:
  LOAD_TABLES kernel
  cld
  pushq %rax
  PUSH_REGISTERS $-ENOSYS
  swapgs
  sti
  movq %rsp, %rdi
  call do_int80
  cli
  EXIT_WORK
  POP_REGISTERS
  addq $8, %rsp
  swapgs
  jmp native_return
