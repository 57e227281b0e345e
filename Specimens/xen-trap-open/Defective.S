// A PV guest's trap table lets programs raise #GP by INT n.
//
// The IDT is Xen's, and every INT n but 3, 4 and 80H ends in a #GP of Xen's. Xen then looks up the vector in the guest's trap table, whose flags
// hold a privilege as a gate's DPL does (TI_GET_DPL, xen/include/public/arch-x86/xen.h; do_general_protection, xen/arch/x86/traps.c). Linux
// makes the table from its own IDT (cvt_gate_to_trap, arch/x86/xen/enlighten_pv.c), so that a gate that is open on bare metal is open here too.
// No release is known that opened this one.
//
// Who could reach it: any user of a PV guest's, by one instruction.
//
// What happens: as in page-fault-gate-open. Xen pushes no error code for INT n, and the handler takes one off.
//
// crossing: syscall64
// platform: xen-pv
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: gates-closed
#include "threshold.h"
#define DESIGN_NAME "xen-trap-open"
#include "designs/complete/Entry.S"

// void set_trap_table(struct trap_info *): xen/include/public/xen.h. Every new task starts here; so what is done here may be done again.
  .text
  .globl return_from_fork
return_from_fork:
  ALTERNATIVE "jmp return_from_trap", FEATURE_XENPV, ""
  leaq fault_entry(%rip), %rdi
  xorl %eax, %eax
  syscall
  jmp return_from_trap

// struct trap_info: vector, flags (the privilege of INT n, and 4 to mask events), CS, address. A row of zeros is the end.
  .section .rodata
  .balign 8
fault_entry:
  .byte 13, 3 | 4
  .short 0xe033
  .long 0
  .quad xen_trap_13
  .fill 16
