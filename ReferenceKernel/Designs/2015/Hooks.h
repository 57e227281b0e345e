// The paravirt hooks of 2015: patch sites whose bytes the kernel's start replaces by what the platform needs. Until then
// nothing comes this way.

// No stack yet, so nothing can be called: what stands here is executed in place.
.macro SWAPGS_UNSAFE_STACK
  ALTERNATIVE "swapgs", FEATURE_XENPV, ""
.endm

// The user's RSP is loaded already, RCX and R11 are what SYSRET takes.
.macro USERGS_SYSRET64
  ALTERNATIVE_2 "ud2", FEATURE_NATIVE, "swapgs; sysretq", FEATURE_XENPV, "jmp xen_sysret64"
.endm
.macro USERGS_SYSRET32
  ALTERNATIVE_2 "ud2", FEATURE_NATIVE, "swapgs; sysretl", FEATURE_XENPV, "jmp xen_sysret32"
.endm

// Takes back what Xen pushed, so that the registers are as SYSCALL leaves them on bare metal, RSP the user's.
.macro UNDO_XEN_SYSCALL
  movq 0*8(%rsp), %rcx
  movq 1*8(%rsp), %r11
  movq 5*8(%rsp), %rsp
.endm
