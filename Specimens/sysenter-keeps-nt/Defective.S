// SYSENTER leaves the user's NT set, and the kernel's next IRET faults.
//
// SYSENTER clears IF and VM, and no other flag (SDM vol. 2B, "SYSENTER"). IRET with NT set asks for a nested task, which 64-bit mode has not:
// #GP (vol. 2A, "IRET/IRETD/IRETQ"). Linux cleared NT on its way in since 3.18, "x86_64, entry: Filter RFLAGS.NT on entry from userspace"; before,
// a program could have the kernel's IRET fault, or leave NT to another task.
//
// Who could reach it: any user, by POPF and SYSENTER.
//
// What happens: this call leaves by SYSRET, so that nothing dies unless an interrupt comes. A check for crashes alone sees nothing until then.
//
// crossing: sysenter
// platform: bare-metal
// profile: intel
// posture: flags-nt
// path: none
// depth: 0
// invariant: flags-sanitised
#include "threshold.h"
#define DESIGN_NAME "sysenter-keeps-nt"
#define SYSENTER_CLEARS FLAGS_AC
#include "designs/complete/Entry.S"
