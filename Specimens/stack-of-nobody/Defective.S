// SYSENTER works below the task's structure instead of on its stack.
//
// The entry loads RSP from the word behind the one that names the stack. There is memory, it is the kernel's, and what is pushed there comes
// back: every register is right, and no event finds anything wrong. What lay there is lost. No release is known; entries load their stack from a
// per-CPU word by an offset that the build computes, and Linux has had two such words since it has entry stacks (cpu_current_top_of_stack and
// cpu_tss_rw.x86_tss.sp0, which are not the same).
//
// Who could reach it: any user, by SYSENTER.
//
// What happens: the end of another task's structure is overwritten. What that does depends on what stands there.
//
// crossing: sysenter
// platform: bare-metal
// profile: intel
// posture: normal
// path: none
// depth: 0
// invariant: stack-bounded
#include "threshold.h"
#define DESIGN_NAME "stack-of-nobody"
#define COMPAT_STACK PER_CPU(task)
#include "designs/complete/Entry.S"
