// A trap from user mode swaps GS and goes on, with nothing that waits for the branch that decided it.
//
// The handler tests CS, and SWAPGS stands on one arm. A processor that predicts the test wrongly runs ahead with the other base, and what it reads
// through GS leaves traces (CVE-2019-1125, Linux 5.3: "x86/speculation: Prepare entry code for Spectre v1 swapgs mitigations"). What
// the kernel computes is right each time.
//
// Who could reach it: any user who can train the branch and measure a cache.
//
// What happens: nothing that a program could see but by time.
//
// crossing: ud
// platform: bare-metal
// profile: raptor-lake
// posture: normal
// path: none
// depth: 0
// invariant: swapgs-fenced
#include "threshold.h"
#define DESIGN_NAME "swapgs-unfenced"
#define NO_RESTRICTION
#include "parts/Guards.h"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  GUARDED_RETURN
  GUARDED_TRAPS user=nop
  THRESHOLD_START
  GUARDED_GATES
  THRESHOLD_START_END
