// #UD decides SWAPGS by the selector of 64-bit user code.
//
// Which privilege an exception comes from stands in the lowest two bits of CS. User mode has more than one code segment: that of 32-bit code, which any
// process may jump to, and those of its LDT. A handler that compares the whole selector with the one that it knows takes all others for the kernel's
// (Linux arch/x86/entry/entry_64.S, error_entry: `testb $3, CS+8(%rsp)`). No release is known that did.
//
// Who could reach it: any user, from 32-bit code.
//
// What happens: the kernel works with the user's GS base. A check for crashes alone sees it, if it asks from 32-bit code.
//
// crossing: ud
// platform: bare-metal
// profile: intel, amd
// posture: code-32
// path: none
// depth: 0
// invariant: gs-owned
#include "threshold.h"
#define DESIGN_NAME "ud-swapgs-by-selector"
#include "designs/complete/Entry.S"
#include "parts/Start.h"

  THRESHOLD_START
  GATE 6, invalid
  THRESHOLD_START_END

invalid:
  cld
  pushq $0
  PUSH_REGISTERS
  movl $6, %esi
  cmpl $USER_CS, PT_CS(%rsp)
  jne 1f
  swapgs
1:
  jmp exception_from_user
