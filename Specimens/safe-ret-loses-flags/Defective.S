// The return that every function makes changes the flags.
//
// A safe return is a CALL whose return address is discarded, and a RET. Linux discarded it by ADD, which sets the arithmetic flags; a function that answers
// by them answers nothing then. The emulator of instructions in KVM has such functions, and gave its guests wrong flags: ba5ca5e5e6a1,
// "x86/retpoline: Don't clobber RFLAGS during srso_safe_ret()". LEA does it without.
//
// Who could reach it: nobody has to.
//
// What happens: here the NMI's entry asks whom it interrupted, of a function that answers by ZF. RSP is never 0, and so the answer is always the user:
// the handler of an NMI in the kernel swaps GS for the user's.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: nmi entry_SYSCALL_64_enabled
// depth: 1
// invariant: gs-owned
#include "threshold.h"
#define DESIGN_NAME "safe-ret-loses-flags"
.macro DISCARD_RETURN_ADDRESS
  addq $8, %rsp
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  THRESHOLD_START
  GATE 2, nmi, stack=1
  THRESHOLD_START_END

nmi:
  call ask_whom
  jz nmi_of_kernel
  swapgs
  cld
  pushq $0
  PUSH_REGISTERS
  movl $2, %ebp
  jmp leave_interrupt_stack_swapped
nmi_of_kernel:
  cld
  pushq $0
  PUSH_REGISTERS
  GS_BY_BASE
  movq %rsp, %rdi
  call do_nmi
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  iretq

// ZF is clear where CS of the frame, behind the return address and RIP, is the user's.
ask_whom:
  testb $3, 16(%rsp)
  call safe_ret
  int3
safe_ret:
  DISCARD_RETURN_ADDRESS
  ret
  int3
