// The way back of #MC and #DB into an NMI handler's first instructions, while the NMI's frame is where the processor pushed it: without
// IRET, which would let in the next NMI over it (SDM vol. 3A, "Handling Multiple NMIs"). RIP, RFLAGS and RAX go below the interrupted
// RSP, where the kernel has nothing, and are popped there. Interrupts are off before and after.
//
// RSP is at the processor's frame. What was interrupted elsewhere than on the NMI stack is returned to by IRET.
.macro RETURN_TO_NMI
  pushq %rax
  movq 32(%rsp), %rax           // the interrupted RSP
  subq $interrupt_stacks + 4096, %rax   // the first is the NMI's, above its guard page
  decq %rax
  cmpq $4096, %rax
  popq %rax
  jae .Lelsewhere\@
  RETURN_WITHOUT_IRET
.Lelsewhere\@:
  iretq
.endm

// To what was interrupted, wherever that was.
.macro RETURN_WITHOUT_IRET
  pushq %rdx
  pushq %rax
  movq 40(%rsp), %rdx
  subq $24, %rdx
  movq 16(%rsp), %rax           // RIP
  movq %rax, 16(%rdx)
  movq 32(%rsp), %rax           // RFLAGS
  movq %rax, 8(%rdx)
  popq (%rdx)                   // RAX
  popq %rax                     // RDX
  xchgq %rax, %rdx
  movq %rax, %rsp
  popq %rax
  popfq
  ret
.endm
