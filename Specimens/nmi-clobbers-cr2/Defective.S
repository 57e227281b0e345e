// An NMI comes in a page fault before CR2 is read, takes a page fault of its own, and leaves its address behind.
//
// Once NMI handlers may fault (nmi-reentered), CR2 is theirs to save, as a register is: Linux 7fbb98c5cb07, "x86: Save cr2 in NMI in case
// NMIs take a page fault" (2012), a follow-up to the copies of the frame.
//
// Who could reach it: whoever makes NMIs come while the kernel takes page faults.
//
// What happens: an interrupt's handler touches a page that is mapped on demand; the NMI comes before its fault is looked at, and maps its
// own. The first fault's address is now that of a page that is there, which this kernel takes for a fault that it cannot mend, and dies.
// A kernel that tries again instead survives; a user's fault (crossing pf, one NMI, depth 1) is answered for the wrong address in any.
//
// crossing: syscall64
// platform: bare-metal
// profile: intel, amd
// posture: normal
// path: external-interrupt entry_SYSCALL_64_enabled, nmi demand_page_fault
// depth: 2
// invariant: no-kernel-death
#include "threshold.h"
#define DESIGN_NAME "nmi-clobbers-cr2"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"
#include "parts/DemandPages.h"
#include "parts/NestedNMI.h"

  THRESHOLD_START
  GATE 14, demand_page_fault
  GATE 2, nmi, stack=1
  GATE 0x20, timer
  THRESHOLD_START_END

nmi:
  NMI_ENTER
  movb DEMAND_PAGE(1), %al
  NMI_EXIT

timer:
  pushq $0x20
  cld
  PUSH_REGISTERS
  testb $3, PT_CS(%rsp)
  jz 1f
  swapgs
1:
  movb DEMAND_PAGE(0), %al
  FORGET_DEMAND_PAGE 0
  movq %rsp, %rdi
  call do_interrupt
  jmp return_from_trap
