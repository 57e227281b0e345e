// The language of snippets: code that a case enters in user or kernel mode. It lies in the user window, which both modes map.
#include "layout.h"

  .macro SNIPPET name:req
  .section .user, "ax"
  .balign 16, 0xCC
  .globl \name
\name:
  .endm

// Ends the case: an INT that both modes may execute.
  .macro END
  int $FINISH
  .endm
