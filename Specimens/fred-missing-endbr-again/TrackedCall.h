// Indirect branch tracking around one call, to a function without ENDBR64, by the handler of an NMI that came at one place: one endless trial is
// enough. SDM vol. 1, "Indirect Branch Tracking"; vol. 4, "IA32_S_CET".
#define MSR_S_CET 0x6a2

.macro TRACK value
  movl $MSR_S_CET, %ecx
  movl $(\value), %eax
  xorl %edx, %edx
  wrmsr
.endm

.macro TRACKED_CALL
  leaq fred_syscall_enabled(%rip), %rax
  cmpq %rax, PT_RIP(%rsp)
  jne .Luntracked\@
  movq %cr4, %rax
  btsq $23, %rax                // CR4.CET
  movq %rax, %cr4
  TRACK 4                       // ENDBR_EN
  leaq unmarked(%rip), %rax
  call *%rax
  TRACK 0
  movq %cr4, %rax
  btrq $23, %rax
  movq %rax, %cr4
.Luntracked\@:
.endm

.macro TRACKED_TARGET
  .text
unmarked:
  ret
  .bss
missing_endbr:
  .skip 8
.endm
