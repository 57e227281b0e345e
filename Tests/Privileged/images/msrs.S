// Model-specific registers: which exist, which bits of EFER may change and when, and what WRMSR refuses.
// Intel SDM vol. 2D, "WRMSR—Write to Model Specific Register", vol. 2B, "RDMSR"; vol. 3A, "Initializing IA-32e Mode"; vol. 4, IA32_EFER,
// IA32_PAT, IA32_APIC_BASE.
#include "case.h"

  .text
  .globl run_image
run_image:
  .macro WRITE name, msr, value
  CASE "\name"
  movl $\msr, %ecx
  movabsq $\value, %rax
  movq %rax, %rdx
  shrq $32, %rdx
  movl $0, %ebx
  AT
  wrmsr
  rdmsr
  shlq $32, %rdx
  orq %rdx, %rax
  movq %rax, %rbx
  RESULT
  VALUE %rbx
  ENDLINE
  .endm
  WRITE "efer-same", MSR_EFER, 0xD01
  WRITE "efer-sce-off", MSR_EFER, 0xD00
  WRITE "efer-lma-ignored", MSR_EFER, 0x901
  WRITE "efer-reserved-bit-1", MSR_EFER, 0xD03
  WRITE "efer-upper", MSR_EFER, 0x100000D01
  WRITE "efer-lme-off-under-paging", MSR_EFER, 0xC01
  WRITE "fs-base", MSR_FS_BASE, 0xFFFF800000001234
  WRITE "fs-base-noncanonical", MSR_FS_BASE, 0x800000000000
  WRITE "gs-base-noncanonical", MSR_GS_BASE, 0x800000000000
  WRITE "kernel-gs-base", MSR_KERNEL_GS_BASE, 0x7FFFFFFFFFFF
  WRITE "star", MSR_STAR, 0x123456789ABCDEF0
  WRITE "lstar", MSR_LSTAR, 0xFFFFFFFF81000000
  WRITE "cstar", MSR_CSTAR, 0xFFFFFFFF81001000
  WRITE "cstar-noncanonical", MSR_CSTAR, 0x800000000000
  WRITE "sfmask", MSR_SFMASK, 0x47700
  WRITE "sysenter-esp", MSR_SYSENTER_ESP, 0xFFFFFFFF81000000
  WRITE "sysenter-cs", MSR_SYSENTER_CS, 0x10
  WRITE "tsc-aux", MSR_TSC_AUX, 0x12345678
  WRITE "tsc-aux-upper", MSR_TSC_AUX, 0x112345678
  WRITE "pat", MSR_PAT, 0x0007040600070406
  WRITE "pat-type-2", MSR_PAT, 0x0007040600070402
  WRITE "pat-type-8", MSR_PAT, 0x0807040600070406
  WRITE "apic-base-same", MSR_APIC_BASE, 0xFEE00900
  WRITE "apic-base-bit-0", MSR_APIC_BASE, 0xFEE00901
  WRITE "apic-base-bit-7", MSR_APIC_BASE, 0xFEE00980
  WRITE "apic-base-bit-9", MSR_APIC_BASE, 0xFEE00B00
  WRITE "apic-base-x2apic", MSR_APIC_BASE, 0xFEE00D00
  WRITE "apic-base-beyond-address", MSR_APIC_BASE, 0x100FEE00900
  WRITE "mc0-status-clear", MSR_MC0_STATUS, 0
  WRITE "mc0-status-set", MSR_MC0_STATUS, 0x8000000000000000
  WRITE "hwcr-status-writes", MSR_HWCR, 0x1040000
  WRITE "mc0-status-set-by-hwcr", MSR_MC0_STATUS, 0x8000000000000000
  WRITE "mc0-status-cleared", MSR_MC0_STATUS, 0
  WRITE "hwcr-status-writes-off", MSR_HWCR, 0x1000000
  WRITE "mc0-status-set-again", MSR_MC0_STATUS, 1
  WRITE "event-select", MSR_PERF_EVENT_SELECT, 0x4300C0
  WRITE "event-select-last", MSR_PERF_EVENT_SELECT + 3, 0x530076
  WRITE "event-select-off", MSR_PERF_EVENT_SELECT, 0
  WRITE "counter", MSR_PERF_COUNTER, 0xFFFF12345678
  WRITE "counter-last", MSR_PERF_COUNTER + 3, 0x7
  .macro RDPMC name, counter
  CASE "\name"
  movl $\counter, %ecx
  movl $0, %eax
  movl $0, %edx
  movl $0, %ebx
  AT
  rdpmc
  shlq $32, %rdx
  orq %rdx, %rax
  movq %rax, %rbx
  RESULT
  VALUE %rbx
  ENDLINE
  .endm
  RDPMC "rdpmc", 0
  RDPMC "rdpmc-last", 3
  RDPMC "rdpmc-beyond", 4
  CASE "rdpmc-user"
  USER64
  movl $3, %ecx
  rdpmc
  LEAVE
  END
  CASE "rdpmc-user-pce"
  SET_CR4 0x100
  movl $0, %ebx
  USER64
  movl $3, %ecx
  rdpmc
  movl %eax, %ebx
  LEAVE
  RESULT
  VALUE %rbx
  ENDLINE
  CASE "write-ignores-upper-half-of-registers"
  movabsq $0xFFFFFFFF00000000 + MSR_FS_BASE, %rcx
  movabsq $0xFFFFFFFF00001234, %rax
  movabsq $0xFFFFFFFF00000001, %rdx
  wrmsr
  rdmsr
  RESULT
  VALUE %rax
  VALUE %rdx
  ENDLINE
  CASE "read-clears-upper-half-of-registers"
  movq $-1, %rax
  movq $-1, %rdx
  movl $MSR_GS_BASE, %ecx
  rdmsr
  RESULT
  VALUE %rax
  VALUE %rdx
  ENDLINE
  CASE "unknown-read"
  movl $0x12345678, %ecx
  AT
  rdmsr
  END
  CASE "unknown-write"
  movl $0x12345678, %ecx
  AT
  wrmsr
  END
  CASE "apic-base"
  RDMSR MSR_APIC_BASE
  RESULT
  VALUE %rax
  ENDLINE
  CASE "efer-nxe-off-then-nx-page"
  MAP 1, PTE_P | PTE_NX
  WRMSR MSR_EFER, 0x501
  movq %cr3, %rax
  movq %rax, %cr3
  movl $WINDOW + 0x1000, %ebx
  AT
  movl (%rbx), %eax
  END
  // CPUID: what the images rely on, and that the vendor's words agree with the profile.
  CASE "cpuid-0"
  movl $0, %eax
  movl $0, %ecx
  cpuid
  RESULT
  VALUE %rbx
  VALUE %rdx
  VALUE %rcx
  ENDLINE
  CASE "cpuid-1-long-mode-needs"
  movl $1, %eax
  movl $0, %ecx
  cpuid
  // FPU, PSE, TSC, MSR, PAE, CX8, APIC, SEP, PGE, CMOV, PAT, FXSR, SSE, SSE2
  andl $0x0701AB79, %edx
  // CX16
  andl $0x2000, %ecx
  RESULT
  VALUE %rdx
  VALUE %rcx
  ENDLINE
  CASE "cpuid-7-protections"
  movl $7, %eax
  movl $0, %ecx
  cpuid
  andl $0x100081, %ebx
  RESULT
  VALUE %rbx
  ENDLINE
  CASE "cpuid-80000001-long-mode"
  movl $0x80000001, %eax
  movl $0, %ecx
  cpuid
  // SYSCALL, NX, 1-GiB pages, RDTSCP, LM
  andl $0x2C100800, %edx
  RESULT
  VALUE %rdx
  ENDLINE
  CASE "cpuid-osxsave-follows-cr4"
  movl $1, %eax
  movl $0, %ecx
  cpuid
  andl $0x8000000, %ecx
  RESULT
  VALUE %rcx
  ENDLINE
  CASE "cpuid-clears-upper-halves"
  movabsq $0xFFFFFFFF00000000, %rax
  movq $-1, %rbx
  movq $-1, %rdx
  movabsq $0xFFFFFFFF00000000, %rcx
  cpuid
  shrq $32, %rax
  shrq $32, %rbx
  shrq $32, %rcx
  shrq $32, %rdx
  RESULT
  VALUE %rax
  VALUE %rbx
  VALUE %rcx
  VALUE %rdx
  ENDLINE
  ret
