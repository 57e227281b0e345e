// untrain-asked-of-wrong-word, fixed: it asks the word in which the bit is set.
#include "threshold.h"
#define DESIGN_NAME "untrain-asked-of-wrong-word, fixed"
#define NO_RESTRICTION
#define UNTRAINS
#define GUARD_RETURNS 4
#include "parts/Guards.h"
.purgem BEFORE_RETURNS
.macro BEFORE_RETURNS
  testb $GUARD_RETURNS, guards(%rip)
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
