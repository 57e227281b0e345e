// nmi-keeps-its-tables, fixed: what the handler loads is what the kernel had.
#include "threshold.h"
#define DESIGN_NAME "nmi-keeps-its-tables, fixed"
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
  movq percpu + PCPU_kernel_cr3(%rip), %rax
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
