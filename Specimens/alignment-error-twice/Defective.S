// The handler of #AC lays a word for the error code that the processor has pushed.
//
// #AC is the last of the old vectors with an error code, and it is always 0 (SDM vol. 3A, "Interrupt 17--Alignment Check Exception (#AC)"). A stub made
// from that of its neighbours, #MF and #XM, which have none, pushes one more. No release is known that did.
//
// Who could reach it: any user, with RFLAGS.AC set, where the kernel sets CR0.AM, as all do.
//
// What happens: every field of the frame is read a word too low, RIP as CS among them. The signal's handler finds the error code where RIP should be, and
// runs with flags that were CS, IF clear. A check for crashes alone sees nothing where the lowest bits of RIP look like those of user mode's CS.
//
// crossing: ac
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: none
// depth: 0
// invariant: interrupts-as-claimed
#include "threshold.h"
#define DESIGN_NAME "alignment-error-twice"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 17, alignment
  THRESHOLD_START_END

alignment:
  cld
  pushq $0
  PUSH_REGISTERS
  movl $17, %esi
  swapgs
  jmp exception_from_user
