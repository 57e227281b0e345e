// The first instructions as a Xen PV guest: xen/include/public/xen.h, "Start-of-day memory layout"; RSI holds start_info.
  .text
  .globl start
start:
  movq %rsi, start_info
  leaq boot_stack_top(%rip), %rsp
  xorl %ebp, %ebp
  call kernel_main
1:
  ud2
  jmp 1b

// What the compiler may call.
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

  .bss
  .balign 16
  .globl start_info
start_info: .quad 0
  .balign 4096
  .skip 32768
boot_stack_top:
