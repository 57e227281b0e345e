// The handler of #OF lays no word for an error code.
//
// The processor pushes an error code for some vectors alone, and a handler of another pushes a word itself, so that struct pt_regs looks the same to
// whoever reads it (SDM vol. 3A, "Error Code"; Linux arch/x86/entry/entry_64.S, `pushq $-1`, "ORIG_RAX: no syscall to restart"). INT 4 pushes none, and
// its gate is open to user mode. Since 64-bit code has no INTO, nothing else comes that way, and a stub that forgets the word is not met for years. No
// release is known that did.
//
// Who could reach it: any user, by INT 4.
//
// What happens: every field of the frame is read a word too high, CS as RIP and so on. SS would lie above the stack's top, where nothing is mapped, and the
// kernel dies as it writes the signal's frame. A check for crashes alone sees it, if it asks for INT 4.
//
// crossing: of
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: no-kernel-death
#include "threshold.h"
#define DESIGN_NAME "overflow-without-error-slot"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 4, overflow, level=3
  THRESHOLD_START_END

overflow:
  cld
  PUSH_REGISTERS
  movl $4, %esi
  swapgs
  jmp exception_from_user
