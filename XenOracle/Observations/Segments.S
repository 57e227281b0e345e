// Segment bases as code sees them, and selectors that it loads.
#include "../snippet.h"

// Three words: at FS:0, at GS:0, at [RDX]. Bases lead into the window.
SNIPPET read_fs_gs
  movq %fs:0, %rax
  movq %gs:0, %rbx
  END
SNIPPET read_gs
  movq %gs:0, %rbx
  END

SNIPPET load_selectors
  movl %edx, %ds
  movl %esi, %es
  movl %edi, %fs
  movl %ebp, %gs
  END
SNIPPET load_fs
  movl %edx, %fs
  END
SNIPPET load_gs
  movl %edx, %gs
  movq %gs:0, %rbx
  END
SNIPPET load_ss
  movl %edx, %ss
  END
ONE swapgs, swapgs
ONE lar, larl %edx, %eax
ONE lsl, lsll %edx, %eax
ONE verr, verr %dx
ONE verw, verw %dx
ONE sldt, sldtq %rax
ONE str, strq %rax
SNIPPET sgdt
  xorl %eax, %eax
  sgdt -16(%rsp)
  movzwl -16(%rsp), %eax
  movq -14(%rsp), %rdx
  END
SNIPPET sidt
  xorl %eax, %eax
  sidt -16(%rsp)
  movzwl -16(%rsp), %eax
  END
ONE smsw, smsw %eax

// Kernel mode reads its bases by MSR: FS, GS, the inactive GS.
SNIPPET rdmsr_ecx
  rdmsr
  END
SNIPPET wrmsr_ecx
  movq %rdx, %rax
  shrq $32, %rdx
  wrmsr
  END
SNIPPET write_gs_read
  movl $0xC0000101, %ecx
  movq %rdx, %rax
  shrq $32, %rdx
  wrmsr
  movq %gs:0, %rbx
  END
