// INT 0x80 makes its frame as SYSCALL does, with a flat SS.
//
// SYSCALL keeps neither SS nor CS, and an entry by it may push what every 64-bit program has. INT 0x80 pushes the program's own, and IRET gives
// them back: 16-bit and segmented programs, those of DOSEMU and Wine, have a stack in the LDT. An entry that both share must not decide for
// both. No release is known that did.
//
// Who could reach it: any program with a stack segment of its own.
//
// What happens: the program goes on with another SS: of another base, limit and width. A check for crashes alone sees nothing.
//
// crossing: int80
// platform: bare-metal
// profile: intel, amd
// posture: stack-ldt
// path: none
// depth: 0
// invariant: user-state-preserved
#include "threshold.h"
#define DESIGN_NAME "int80-flat-stack"
#include "designs/complete/Entry.S"

  .globl user_ldt
  .set user_ldt, 1

  .text
  .globl entry_INT80
entry_INT80:
  cld
  pushq %rax
  PUSH_REGISTERS $-ENOSYS
  movq $USER_DS, PT_SS(%rsp)
  SWAPGS
  TRACE_IRQS_OFF
  TRACE_IRQS_ON
  ENABLE_INTERRUPTS
  movq %rsp, %rdi
  call do_int80
  jmp return_from_trap
