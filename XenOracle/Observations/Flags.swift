// RFLAGS through an entry: which are in the frame, which the handler still has, and RSP's alignment; create_bounce_frame in
// xen/arch/x86/x86_64/entry.S.

func observeFlags() {
  topic = "flags"
  // All that user mode can set: CF PF AF ZF SF OF DF NT AC ID, then one by one those that entries treat.
  let status: UInt = 0x8D5
  let id: UInt = 1 << 21
  everywhere("int3-status", code_int3()) { $0.frame.rflags |= status }
  everywhere("int3-all", code_int3()) {
    $0.frame.rflags |= status | id | Flag.direction | Flag.nested | Flag.alignment
  }
  everywhere("int3-direction", code_int3()) { $0.frame.rflags |= Flag.direction }
  everywhere("int3-nested", code_int3()) { $0.frame.rflags |= Flag.nested }
  everywhere("int3-alignment", code_int3()) { $0.frame.rflags |= Flag.alignment }
  everywhere("ud2-all", code_ud2()) {
    $0.frame.rflags |= status | id | Flag.direction | Flag.nested | Flag.alignment
  }
  everywhere("int80-all", code_int80()) {
    $0.frame.rflags |= status | id | Flag.direction | Flag.nested | Flag.alignment
  }
  everywhere("page-fault-all", code_load_rdx()) {
    $0.frame.rflags |= status | id | Flag.direction | Flag.nested | Flag.alignment
    case_start.rdx = Memory.window + 0x3000
  }
  everywhere("int3-iopl", code_int3()) { $0.frame.rflags |= Flag.ioPrivilege }
  everywhere("pushf", code_pushf()) { $0.frame.rflags |= Flag.ioPrivilege | Flag.nested }
  everywhere("pushf-masked", code_pushf()) { $0.frame.rflags &= ~Flag.interrupt }
  everywhere("popf", code_popf())
  everywhere("cli", code_cli())
  everywhere("sti", code_sti())

  // SYSCALL: Xen means to clear DF alone, but the register that holds ~DF is used up by create_bounce_frame, so the flags are ANDed
  // with the low half of the new RSP. kernel_sp chooses here what survives.
  let most = status | Flag.direction | Flag.nested | Flag.alignment
  syscallFlags(0, most)
  syscallFlags(0x480, most)
  syscallFlags(0x840, most)
  syscallFlags(0xC40, most)
  syscallFlags(0xFC0, most)

  // RSP is aligned down to 16 bytes, the frame's own RSP is not.
  everywhere("stack-1", code_int3()) { $0.frame.rsp -= 1 }
  everywhere("stack-8", code_int3()) { $0.frame.rsp -= 8 }
  everywhere("stack-15", code_ud2()) { $0.frame.rsp -= 15 }
  everywhere("stack-8-error-code", code_hlt()) { $0.frame.rsp -= 8 }
  observe("kernel-stack-8", .user, code_int3()) { _ in Hypercall.stackSwitch(Selector.data, Top.kernelStack - 8) }
  observe("kernel-stack-9", .user, code_hlt()) { _ in Hypercall.stackSwitch(Selector.data, Top.kernelStack - 9) }
  observe("kernel-stack-16", .user, code_int80()) { _ in Hypercall.stackSwitch(Selector.data, Top.kernelStack - 16) }
  observe("kernel-stack-null-ss", .user, code_int3()) { _ in Hypercall.stackSwitch(0, Top.kernelStack - 32) }
  observe("kernel-stack-other-ss", .user, code_int3()) { _ in
    Hypercall.stackSwitch(Selector.code64, Top.kernelStack - 48)
  }
}

private func syscallFlags(_ offset: UInt, _ flags: UInt) {
  observe("syscall-all", .user, code_syscall()) {
    $0.frame.rflags |= flags
    $0.suffix = offset
    Hypercall.stackSwitch(Selector.data, Top.kernelStack - offset)
  }
}
