// NMIs that may nest. The processor blocks NMIs from the delivery of one to the next IRET, whoever executes it (SDM vol. 3A, "Handling
// Multiple NMIs"): a handler that takes an exception has NMIs let in by the exception's return, and the next one is pushed where the
// first one's frame lies, at the top of the interrupt stack ("Interrupt Stack Table").
//
// So the first NMI copies its frame away, twice, and leaves by a copy. One that comes while it is under way does nothing but point that
// copy at nmi_repeat, so that the first makes the copy again and handles once more. Linux has done so since 3.3 (3f3c8b8c4b2a, "x86: Add
// workaround to NMI iret woes"). From the top of the stack down:
//
//       -8  ss      what the processor pushed for the NMI that came last
//      -16  rsp
//      -24  rflags
//      -32  cs
//      -40  rip
//      -48  rdx     saved while it is found out whether the NMI is a nested one
//      -56          1 while an NMI is under way
//      -96  rip cs rflags rsp ss    by which the first NMI leaves: nested ones write it
//     -136  rip cs rflags rsp ss    what the first NMI interrupted: nobody writes it
//           struct pt_regs goes on here
//
//     #include "parts/Paranoid.h"         // GS
//
//     nmi:
//       NMI_ENTER
//       ...                       // the handler, on its own GS base; faults and breakpoints are allowed
//       NMI_EXIT

// An NMI's whole way in and out. From user mode it needs no stack of its own and is trap_2's. Whoever takes a question away makes a
// specimen of it: `copying`, `leaving`, or `df`, the second half of the latter.
.macro NMI_ENTER copying=1, leaving=1, df=1
  testb $3, 8(%rsp)
  jnz trap_2
  NMI_FIRST
  .if \copying
  NMI_IF_COPYING
  .endif
  NMI_IF_UNDER_WAY
  .if \leaving
  NMI_IF_LEAVING \df
  .endif
  NMI_COPY
  pushq $0
  PUSH_REGISTERS
  GS_BY_BASE
.endm

.macro NMI_EXIT
  GS_BACK
  POP_REGISTERS
  addq $8, %rsp
  NMI_LEAVE
  NMI_NESTED
.endm

.macro NMI_FIRST
  cld
  pushq %rdx
.endm

// The first NMI is between nmi_repeat and nmi_copied: what it copies to is written anyway, and it handles after that.
.macro NMI_IF_COPYING
  leaq nmi_repeat(%rip), %rdx
  cmpq 8(%rsp), %rdx
  ja .Lnot_copying\@
  leaq nmi_copied(%rip), %rdx
  cmpq 8(%rsp), %rdx
  ja nmi_nested_done
.Lnot_copying\@:
.endm

.macro NMI_IF_UNDER_WAY
  cmpq $1, -8(%rsp)
  je nmi_nested
.endm

// The first NMI has said that it is over and is not gone: RSP is on this stack. A user may have put RSP there as well, and come by
// SYSCALL, but not with DF set, which SYSCALL clears (810bc075f78f, "x86/nmi/64: Use DF to avoid userspace RSP confusing nested NMI
// detection"; CVE-2015-3291).
.macro NMI_IF_LEAVING df
  NMI_UNLESS_ON_STACK .Lnot_leaving\@
  .if \df
  testl $FLAGS_DF, 24(%rsp)
  jnz nmi_nested
  .else
  jmp nmi_nested
  .endif
.Lnot_leaving\@:
.endm

// The interrupted RSP is not on this stack.
.macro NMI_UNLESS_ON_STACK elsewhere
  leaq 48(%rsp), %rdx
  cmpq %rdx, 32(%rsp)
  ja \elsewhere
  subq $4096, %rdx
  cmpq %rdx, 32(%rsp)
  jb \elsewhere
.endm

// RSP is at the lower copy at the end.
.macro NMI_COPY
  movq (%rsp), %rdx
  pushq $1
  .rept 5
  pushq 48(%rsp)
  .endr
  .rept 5
  pushq 32(%rsp)
  .endr
  jmp nmi_copied
// Here an IRET by the copy that a nested NMI has written ends, with RSP at the lower copy.
nmi_repeat:
  movq $1, 80(%rsp)
  addq $80, %rsp
  .rept 5
  pushq -48(%rsp)
  .endr
  subq $40, %rsp
nmi_copied:
.endm

// RSP at the lower copy.
.macro NMI_LEAVE
  addq $40, %rsp
  std
  movq $0, 40(%rsp)
nmi_leaving:
  iretq
.endm

.macro NMI_NESTED
nmi_nested:
  leaq nmi_repeat(%rip), %rdx
  movq %rdx, -48(%rsp)          // rip
  movq $KERNEL_CS, -40(%rsp)    // cs
  movq $2, -32(%rsp)            // rflags
  leaq -88(%rsp), %rdx
  movq %rdx, -24(%rsp)          // rsp: the lower copy
  movq $0, -16(%rsp)            // ss
nmi_nested_done:
  popq %rdx
  iretq
.endm
