// The first instructions as a Xen PV guest: xen/include/public/xen.h, "Start-of-day memory layout"; RSI holds start_info.
  .section .text.start, "ax"
  .globl start_xen
start_xen:
  cld
  leaq boot_stack_top(%rip), %rsp
  xorl %ebp, %ebp
  movl $1, %edi
  call kernel_main
  ud2
