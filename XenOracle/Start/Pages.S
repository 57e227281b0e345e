// Pages that the kernel keeps aside, each whole, all zero at start.
  .section .bss.pages, "aw", @nobits
  .balign 4096
  .macro PAGES name, count=1
  .globl \name
\name: .skip 4096 * \count
  .endm

  PAGES user_l4
  PAGES user_l3
  PAGES user_l2
  PAGES user_l1
  PAGES shared_page       // Xen's shared_info is mapped here
  PAGES user_stack
  PAGES window_pages, 4   // what the window shows
  PAGES spare_pages, 8    // for the cases about memory
  PAGES kernel_stack, 2   // kernel_sp is its end
  PAGES case_stack_pages, 2 // RSP of cases in kernel mode is its end
  PAGES scratch           // arguments of hypercalls
  PAGES line_buffer
