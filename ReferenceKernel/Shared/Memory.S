// What the compiler may call: copies and clears of memory.
  .text
  .globl memcpy, memmove, memset
memcpy:
memmove:
  movq %rdi, %rax
  movq %rdx, %rcx
  cmpq %rsi, %rdi
  ja 1f
  rep movsb
  ret
1:
  leaq -1(%rdi, %rcx), %rdi
  leaq -1(%rsi, %rcx), %rsi
  std
  rep movsb
  cld
  ret
memset:
  movq %rdi, %r9
  movl %esi, %eax
  movq %rdx, %rcx
  rep stosb
  movq %r9, %rax
  ret
