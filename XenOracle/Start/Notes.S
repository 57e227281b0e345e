// The ELF notes by which Xen's domain builder knows this kernel: xen/include/public/elfnote.h.
// No hypercall page: as recent kernels do, hypercalls are SYSCALL instructions.
  .macro NOTE type, bytes:vararg
  .balign 4
  .long 2f - 1f, 4f - 3f, \type
1: .asciz "Xen"
2: .balign 4
3: \bytes
4: .balign 4
  .endm

  .section .note.Xen, "a", @note
  NOTE 6, .asciz "limen"                                          // GUEST_OS
  NOTE 5, .asciz "xen-3.0"                                        // XEN_VERSION
  NOTE 3, .quad 0xffffffff80000000                                // VIRT_BASE
  NOTE 14, .quad 0                                                // PADDR_OFFSET
  NOTE 1, .quad start                                             // ENTRY
  NOTE 10, .asciz "!writable_page_tables|pae_pgdir_above_4gb"     // FEATURES
  NOTE 9, .asciz "yes"                                            // PAE_MODE
  NOTE 8, .asciz "generic"                                        // LOADER
