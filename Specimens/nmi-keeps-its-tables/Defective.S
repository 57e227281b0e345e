// An NMI's handler puts CR3 back only where it was the user's, and has loaded other tables than the task's.
//
// A write of CR3 costs, so a handler that finds the kernel's tables does well to leave them: Linux restores CR3 on its paranoid ways back only where it
// was the user's, since bb998361999e, "x86/entry: Avoid redundant CR3 write on paranoid returns" (6.9). That is right as long as what the
// handler has loaded is what the kernel had. Here it is the boot's tables. No release is known that did this.
//
// Who could reach it: nobody needs to; the first NMI in a system call.
//
// What happens: the system call goes on without the task's memory, up to the way back, which loads the user's tables. A check for crashes alone sees
// nothing unless the call reads the user's memory.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_join
// depth: 1
// invariant: page-tables-owned
#include "threshold.h"
#define DESIGN_NAME "nmi-keeps-its-tables"
#include "parts/PageTables.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  ISOLATION_RETURN
  ISOLATION_TRAPS
  ISOLATION_ANYWHERE isolated_1, 1, do_trap
  ISOLATION_ANYWHERE isolated_18, 18, do_trap
  THRESHOLD_START
  ISOLATION_GATES
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  testb $3, 8(%rsp)
  jnz isolated_2
  cld
  pushq $0
  PUSH_REGISTERS
  movq %cr3, %r14
  movq $(boot_l4 - 0xffffffff80000000), %rax
  movq %rax, %cr3
  GS_BY_BASE
  movq %rsp, %rdi
  call do_nmi
  GS_BACK
  cmpq percpu + PCPU_user_cr3(%rip), %r14
  jne 1f
  movq %r14, %cr3
1:
  POP_REGISTERS
  addq $8, %rsp
  iretq
isolated_2:
  LOAD_TABLES kernel
  jmp trap_2
