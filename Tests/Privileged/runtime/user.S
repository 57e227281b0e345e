// The user stack and the user's scratch memory, on pages of their own.
  .section .user.data, "aw"
  .globl user_scratch, user_stack_top
  .align 4096
user_scratch:
  .skip 4096
  .skip 4096
user_stack_top:
  .skip 4096
  .section .text
  .weak gate_target
gate_target:
  int $0x20
