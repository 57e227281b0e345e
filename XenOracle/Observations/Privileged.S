// Instructions that only a kernel on bare metal may execute.
#include "../snippet.h"

ONE mov_from_cr0, movq %cr0, %rax
ONE mov_from_cr2, movq %cr2, %rax
ONE mov_from_cr8, movq %cr8, %rax
ONE mov_to_cr2, movq %rdx, %cr2
ONE mov_to_cr3, movq %rdx, %cr3
ONE mov_to_cr8, movq %rdx, %cr8
SNIPPET mov_cr0_same
  movq %cr0, %rax
  movq %rax, %cr0
  END
SNIPPET mov_cr0_ts
  movq %cr0, %rax
  orq $8, %rax
  movq %rax, %cr0
  movq %cr0, %rdx
  END
SNIPPET mov_cr0_wp
  movq %cr0, %rax
  btrq $16, %rax
  movq %rax, %cr0
  END
SNIPPET mov_cr3_same
  movq %cr3, %rax
  movq %rax, %cr3
  movl $0, %eax
  END
// TSD and DE are the guest's own.
SNIPPET mov_cr4_toggle
  movq %cr4, %rax
  movq %rax, %rbx
  xorq %rdx, %rbx
  movq %rbx, %cr4
  movq %cr4, %rdx
  xorq %rax, %rdx
  movq %rax, %cr4
  movl $0, %eax
  movl $0, %ebx
  END
ONE clts, clts
ONE wbinvd, wbinvd
ONE invd, invd
ONE invlpg, invlpg (%rsp)
ONE lgdt, lgdt (%rsp)
ONE lidt, lidt (%rsp)
ONE lldt, lldt %dx
ONE ltr, ltr %dx
ONE lmsw, lmsw %dx
ONE sysretq, sysretq
ONE sysexit, sysexitq
ONE rdpmc, rdpmc
ONE xsetbv, xsetbv
ONE mov_from_dr6, movq %db6, %rax
ONE mov_from_dr7, movq %db7, %rax
ONE mov_from_dr4, movq %db4, %rax
ONE mov_to_dr0, movq %rdx, %db0
ONE mov_to_dr7, movq %rdx, %db7
SNIPPET mov_dr0_round
  movq %rdx, %db0
  movq %db0, %rax
  END
ONE in_al_dx, inb %dx, %al
ONE out_dx_al, outb %al, %dx
ONE insb, insb
ONE outsb, outsb
ONE vmcall, vmcall
ONE vmmcall, vmmcall
ONE rsm, rsm

// The TSC only grows.
SNIPPET rdtsc_grows
  rdtsc
  shlq $32, %rdx
  orq %rdx, %rax
  movq %rax, %rbx
  rdtsc
  shlq $32, %rdx
  orq %rdx, %rax
  cmpq %rbx, %rax
  seta %bl
  movzbl %bl, %ebx
  movl $0, %eax
  movl $0, %edx
  cmpl %eax, %eax
  END

// The CPUID that Xen answers: ud2, "xen", cpuid.
SNIPPET xen_cpuid
  .byte 0x0F, 0x0B, 0x78, 0x65, 0x6E
  cpuid
  END
SNIPPET xen_nop
  .byte 0x0F, 0x0B, 0x78, 0x65, 0x6E
  nop
  END
SNIPPET xen_cpuid_prefixed
  .byte 0x0F, 0x0B, 0x78, 0x65, 0x6E
  rep
  cpuid
  END

// #NM: FPU instructions with the guest's CR0.TS set.
SNIPPET fpu_then_cr0
  fnop
  movq %cr0, %rax
  END
SNIPPET fpu_twice
  fnop
  fnop
  END
