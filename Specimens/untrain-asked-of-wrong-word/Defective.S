// The entry looks in the wrong word for whether it is to untrain its returns, and never does.
//
// What a part owes is found out at the boot, kept as a bit, and asked at every entry. Xen asked the word of the guest's choices for the bit of
// IBPB at entry, which stands in another (XSA-455, CVE-2024-31142, 489d93cd0f): the mitigation was reported as enabled, and never ran.
//
// Who could reach it: any user of a processor whose returns can be trained.
//
// What happens: nothing that a program could see but by time.
//
// crossing: syscall64
// platform: bare-metal
// profile: zen2
// posture: normal
// path: none
// depth: 0
// invariant: returns-untrained
#include "threshold.h"
#define DESIGN_NAME "untrain-asked-of-wrong-word"
#define NO_RESTRICTION
#define UNTRAINS
#define GUARD_RETURNS 4
#include "parts/Guards.h"
.purgem BEFORE_RETURNS
.macro BEFORE_RETURNS
  testb $GUARD_RETURNS, guards_of_guests(%rip)
  jz .Lnot\@
  call untrained
.Lnot\@:
.endm
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  GUARDED_RETURN
  GUARDED_TRAPS
  THRESHOLD_START
  GUARDED_GATES
  THRESHOLD_START_END

  .section .rodata
guards: .byte GUARD_RETURNS
guards_of_guests: .byte 0
