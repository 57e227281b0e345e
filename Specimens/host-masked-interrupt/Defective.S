// Interrupts come on the current stack, and the host lets one in where they are masked.
//
// Between SYSCALL and the load of a kernel stack nothing but IF keeps interrupts from being pushed where the user's RSP points. SVM's event
// injection looks at no mask (AMD APM vol. 2, "Event Injection"), so under SEV a host can make one come there. SEV-SNP's restricted and
// alternate injection are for this; Linux guests have used neither yet. Where the host may do it, interrupts need a stack of their own like NMIs, and a
// handler that asks whose GS is loaded. With VMX the guest cannot be entered so.
//
// Who could reach it: the host, together with a program of the guest's that waits with RSP where it wants the kernel's frame to be.
//
// What happens: the kernel writes where the user's RSP points. A check for crashes alone sees nothing where there is memory.
//
// crossing: syscall64
// platform: bare-metal
// profile: amd
// posture: normal
// path: host-masked-interrupt entry_SYSCALL_64
// depth: 1
// invariant: rsp-owned
#include "threshold.h"
#define DESIGN_NAME "host-masked-interrupt"
#include "designs/complete/Entry.S"
#include "parts/Start.h"
#include "parts/Paranoid.h"

  THRESHOLD_START
  GATE 0x20, timer
  THRESHOLD_START_END

timer:
  pushq $0x20
  cld
  PUSH_REGISTERS
  testb $3, PT_CS(%rsp)
  jz 1f
  swapgs
  movq PER_CPU(top_of_stack), %rdi
  subq $PT_SIZE, %rdi
  movq %rsp, %rsi
  movl $(PT_SIZE / 8), %ecx
  rep movsq
  leaq -PT_SIZE(%rdi), %rsp
  movq %rsp, %rdi
  call do_interrupt
  jmp return_from_trap
1:
  GS_BY_BASE
  movq %rsp, %rdi
  call do_interrupt
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  iretq
