// The first instructions as a Xen PV guest: xen/include/public/xen.h, "Start-of-day memory layout"; RSI holds start_info.
  .text
  .globl start
start:
  movq %rax, start_registers + 0
  movq %rcx, start_registers + 8
  movq %rdx, start_registers + 16
  movq %rbx, start_registers + 24
  movq %rsp, start_registers + 32
  movq %rbp, start_registers + 40
  movq %rsi, start_registers + 48
  movq %rdi, start_registers + 56
  movq %r8, start_registers + 64
  movq %r9, start_registers + 72
  movq %r10, start_registers + 80
  movq %r11, start_registers + 88
  movq %r12, start_registers + 96
  movq %r13, start_registers + 104
  movq %r14, start_registers + 112
  movq %r15, start_registers + 120
  pushfq
  popq start_registers + 128
  .set index, 17
  .irp selector, cs, ss, ds, es, fs, gs
  movl %\selector, %eax
  movq %rax, start_registers + 8 * index
  .set index, index + 1
  .endr
  movq %rsi, start_info
  leaq boot_stack_top(%rip), %rsp
  xorl %ebp, %ebp
  call kernel_main
1:
  ud2
  jmp 1b

  .bss
  .balign 16
  .globl start_info
start_info: .quad 0
// What the kernel was entered with: RAX to R15 in the order of their numbers, RFLAGS, CS, SS, DS, ES, FS, GS.
  .globl start_registers
start_registers: .skip 8 * 23
  .balign 4096
  .skip 32768
boot_stack_top:
