// GS in a handler that may interrupt kernel code which still has, or already has, the user's GS base: the base decides, not CS. The
// kernel's is in the upper half and a user's never, as CR4.FSGSBASE is clear. SDM vol. 2B, "SWAPGS".
//
// Below PUSH_REGISTERS; EBX says in between whether there is anything to undo. RAX, RCX and RDX change.
.macro GS_BY_BASE
  movl $0xc0000101, %ecx        // GS base
  rdmsr
  xorl %ebx, %ebx
  testl %edx, %edx
  js .Lkernels\@
  swapgs
  incl %ebx
.Lkernels\@:
.endm

.macro GS_BACK
  testl %ebx, %ebx
  jz .Lkernels\@
  swapgs
.Lkernels\@:
.endm

// With CR4.FSGSBASE a user's base may be anywhere, and nothing about it tells whose it is: it is kept in RBX, and the kernel's comes from the one
// place where it is known without GS. SDM vol. 2B, "RDFSBASE/RDGSBASE", "WRFSBASE/WRGSBASE".
.macro GS_SAVED
  rdgsbase %rbx
  leaq percpu(%rip), %rax
  wrgsbase %rax
.endm

.macro GS_RESTORED
  wrgsbase %rbx
.endm
