// Process-context identifiers and INVPCID, where CPUID has them. QEMU's TCG has neither, so the whole expected output is written down.
// Intel SDM vol. 3A, "Process-Context Identifiers (PCIDs)", "Operations that Invalidate TLBs and Paging-Structure Caches"; vol. 2A, "INVPCID".
#include "case.h"

  .set PWU, PTE_P | PTE_W | PTE_U
  .set PCIDE, 0x20000

  // Ends the case with "absent" unless CPUID leaf, register and bit say that the feature is there.
  .macro NEED_PCID
  movl $1, %eax
  movl $0, %ecx
  cpuid
  btl $17, %ecx
  NEED
  .endm
  .macro NEED_INVPCID
  movl $7, %eax
  movl $0, %ecx
  cpuid
  btl $10, %ebx
  NEED
  .endm
  .macro NEED
  jc 61f
  CALL_C case_absent
  jmp 62f
61:
  pushq $2
  popfq
  .endm
  .macro SHOWN
  RESULT
  VALUE %rcx
  ENDLINE
62:
  .endm
  .macro PLAIN_END
  RESULT
  ENDLINE
62:
  .endm
  .macro PCIDE_ON
  SET_CR4 PCIDE
  .endm
  // CR3 with a PCID; `keep` is bit 63, which keeps that PCID's translations.
  .macro SWITCH pcid, keep=0
  movq $page_pml4, %rax
  orq $\pcid, %rax
  .if \keep
  btsq $63, %rax
  .endif
  movq %rax, %cr3
  .endm
  // Page 1 of the window goes from one spare page to the other.
  .macro REMAP
  movq $spare_page + 0x1000 + PWU, %rax
  movq %rax, page_window + 8
  .endm
  .macro MAPPED
  MAP 1, PWU
  movl $0x11111111, spare_page
  movl $0x22222222, spare_page + 0x1000
  .endm
  .macro DESCRIPTOR pcid, address
  movabsq $\address, %rax
  pushq %rax
  movabsq $\pcid, %rax
  pushq %rax
  .endm

  .text
  .globl run_image
run_image:
  CASE "pcide-on"
  NEED_PCID
  PCIDE_ON
  movq %cr4, %rcx
  SHOWN
  CASE "pcide-on-with-low-bits-in-cr3"
  NEED_PCID
  SWITCH 0x18
  movq %cr4, %rax
  orq $PCIDE, %rax
  AT
  movq %rax, %cr4
  PLAIN_END
  CASE "cr3-reads-pcid-without-bit-63"
  NEED_PCID
  PCIDE_ON
  SWITCH 0x123, 1
  movq %cr3, %rcx
  movq $page_pml4, %rax
  subq %rax, %rcx
  SWITCH 0
  SHOWN
  CASE "bit-63-without-pcide"
  NEED_PCID
  movq %cr3, %rax
  btsq $63, %rax
  AT
  movq %rax, %cr3
  PLAIN_END
  CASE "other-pcid-sees-new"
  NEED_PCID
  PCIDE_ON
  MAPPED
  SWITCH 1
  movl (%rbx), %ecx
  REMAP
  SWITCH 2, 0
  movl (%rbx), %ecx
  SWITCH 0
  SHOWN
  CASE "same-pcid-flushed"
  NEED_PCID
  PCIDE_ON
  MAPPED
  SWITCH 1
  movl (%rbx), %ecx
  REMAP
  SWITCH 1
  movl (%rbx), %ecx
  SWITCH 0
  SHOWN
  CASE "same-pcid-kept-then-invlpg"
  NEED_PCID
  PCIDE_ON
  MAPPED
  SWITCH 1
  movl (%rbx), %ecx
  REMAP
  SWITCH 1, 1
  invlpg (%rbx)
  movl (%rbx), %ecx
  SWITCH 0
  SHOWN
  CASE "pcide-off-flushes"
  NEED_PCID
  PCIDE_ON
  MAPPED
  movl (%rbx), %ecx
  REMAP
  CLEAR_CR4 PCIDE
  movl (%rbx), %ecx
  SHOWN
  .macro INVALIDATE name, type, pcid, flags=PWU
  CASE "\name"
  NEED_INVPCID
  SET_CR4 0x80
  PCIDE_ON
  MAP 1, \flags
  movl $0x11111111, spare_page
  movl $0x22222222, spare_page + 0x1000
  SWITCH 5
  movl (%rbx), %ecx
  movq $spare_page + 0x1000 + \flags, %rax
  movq %rax, page_window + 8
  DESCRIPTOR \pcid, WINDOW + 0x1000
  movl $\type, %eax
  invpcid (%rsp), %rax
  movl (%rbx), %ecx
  SWITCH 0
  SHOWN
  .endm
  INVALIDATE "invpcid-address", 0, 5
  INVALIDATE "invpcid-context", 1, 5
  INVALIDATE "invpcid-all-with-global", 2, 0, PWU+PTE_G
  INVALIDATE "invpcid-all", 3, 0
  .macro BAD name, type, pcid, address, pcide=1
  CASE "\name"
  NEED_INVPCID
  .if \pcide
  PCIDE_ON
  .endif
  DESCRIPTOR \pcid, \address
  movl $\type, %eax
  AT
  invpcid (%rsp), %rax
  PLAIN_END
  .endm
  BAD "invpcid-type-4", 4, 0, 0
  BAD "invpcid-reserved", 2, 0x1000, 0
  BAD "invpcid-noncanonical", 0, 0, 0x800000000000
  BAD "invpcid-noncanonical-not-used", 1, 0, 0x800000000000
  BAD "invpcid-pcid-without-pcide", 0, 1, 0, 0
  BAD "invpcid-context-0-without-pcide", 1, 0, 0, 0
  CASE "invpcid-user"
  NEED_INVPCID
  movl $user_scratch, %ebx
  movl $0, %eax
  USER64
  invpcid (%rbx), %rax
  LEAVE
  PLAIN_END
  ret
