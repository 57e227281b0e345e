// Finishes a safe return that an event has interrupted, in the event's frame: the file defines `safe_ret`, a LEA of five bytes and a RET, and includes
// Guards.h. Linux does so since 6.12.102 (`handle_interrupted_saferet`).
.macro FINISH_RETURN vector
finish_\vector:
  testb $3, 8(%rsp)
  jnz guarded_\vector
  pushq %rax
  pushq %rcx
  movq 40(%rsp), %rcx           // the RSP that was interrupted
  leaq safe_ret(%rip), %rax
  cmpq %rax, 16(%rsp)
  jne 1f
  addq $8, %rcx
  jmp 2f
1:
  addq $5, %rax
  cmpq %rax, 16(%rsp)
  jne 3f
2:
  movq (%rcx), %rax
  movq %rax, 16(%rsp)
  addq $8, %rcx
  movq %rcx, 40(%rsp)
3:
  popq %rcx
  popq %rax
  jmp guarded_\vector
.endm
