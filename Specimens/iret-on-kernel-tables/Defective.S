// INT 0x80 returns to user mode with the kernel's page tables loaded.
//
// With page-table isolation every way back loads the user's tables. Linux joined its ways back to one of two, each with its switch
// (arch/x86/entry/calling.h, SWITCH_TO_USER_CR3_STACK), since 4.15; one that is forgotten works as well as ever. CVE-2017-5754 is what the
// tables are for. No release is known that forgot one; under FRED Linux forgot them all, and nothing ran (932d922285ef).
//
// Who could reach it: any user, by INT 0x80: the program runs with the kernel mapped behind it.
//
// What happens: nothing. The user's pages are in both tables.
//
// crossing: int80
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: page-tables-owned
#include "threshold.h"
#define DESIGN_NAME "iret-on-kernel-tables"
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
  jmp native_iret
