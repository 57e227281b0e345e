// Every way into the kernel and the frame that Xen makes for it.

func observeEntries() {
  observe("int3-user", .user, do_int3_address())
  observe("int3-kernel", .kernel, do_int3_address())
  observe("ud2-user", .user, do_ud2_address())
  observe("ud2-kernel", .kernel, do_ud2_address())
  observe("int80-user", .user, do_int80_address())
  observe("int80-kernel", .kernel, do_int80_address())
  observe("syscall-user", .user, do_syscall_address())
}
