// Event upcalls and NMIs: when they arrive, on which stack, in which order, and what masks them; test_all_events in
// xen/arch/x86/x86_64/entry.S; async_exception_cleanup in pv/iret.c.

private func pend() { store_byte(vcpu_info, 1) }

func observeMasks() {
  topic = "event"
  // vcpu_info where user mode can reach it: the user window's last page but one.
  let shared = Memory.window + 0x6000
  Memory.update(Memory.machineLeaf(shared), load(start_info + 40) | 0x67)

  // An iret that unmasks while an event is pending: the frame is at the target of the iret.
  everywhere("iret-unmasks", code_nothing()) { _ in pend() }
  everywhere("iret-unmasks-returns", code_nothing()) {
    pend()
    $0.limit = 2
  }
  everywhere("iret-stays-masked", code_nothing()) {
    pend()
    $0.frame.rflags = 2
  }
  everywhere("iret-unmasks-syscall", code_nothing()) {
    pend()
    $0.frame.flags = 0x100
  }
  everywhere("iret-unmasks-flags", code_nothing()) {
    pend()
    $0.frame.rflags |= 0x8D5 | Flag.direction | Flag.nested | Flag.alignment
  }
  everywhere("iret-unmasks-step", code_steps()) {
    pend()
    $0.frame.rflags |= Flag.trap
    $0.limit = 2
  }
  observe("iret-unmasks", .compatibility, code_nothing_32()) { _ in pend() }
  everywhere("iret-unmasks-bad-rip", code_nothing()) {
    pend()
    $0.frame.rip = Memory.window + 0x3000
    $0.limit = 2
  }
  everywhere("iret-unmasks-bad-ss", code_nothing()) {
    pend()
    $0.frame.ss = 0x1238
    $0.limit = 2
  }
  everywhere("iret-unmasks-no-mask-flag", code_nothing()) { _ in
    pend()
    Callback.event.register(World.stub(256), maskEvents: false)
  }

  // A hypercall's way back.
  observe("hypercall", .kernel, code_pending_nothing()) { _ in case_start.rdx = vcpu_info }
  observe("hypercall-polls", .kernel, code_poll()) { $0.frame.rflags = 2 }
  observe("hypercall-pending-2", .kernel, code_pending_2_mask_0()) { _ in case_start.rdx = vcpu_info }

  // Pending is set by the guest itself: nothing happens until Xen is entered. Then the exception's frame is made first and the event's on
  // top of it, so the event's handler runs first, unless the exception's gate masks events.
  everywhere("set-by-guest", code_pending_nothing()) { _ in case_start.rdx = shared }
  everywhere("ud2", code_pending_ud2()) {
    case_start.rdx = shared
    $0.limit = 2
  }
  everywhere("ud2-mask", code_pending_ud2()) {
    case_start.rdx = shared
    World.trap(6, level: 0, mask: true)
    $0.limit = 2
  }
  everywhere("int3", code_pending_int3()) {
    case_start.rdx = shared
    $0.limit = 2
  }
  everywhere("int80", code_pending_int80()) {
    case_start.rdx = shared
    $0.limit = 2
  }
  everywhere("page-fault", code_pending_page_fault()) {
    case_start.rdx = shared
    $0.limit = 2
  }
  observe("syscall", .user, code_pending_syscall()) {
    case_start.rdx = shared
    $0.limit = 2
  }
  observe("syscall-no-mask", .user, code_pending_syscall()) {
    case_start.rdx = shared
    Callback.syscall.register(World.stub(258), maskEvents: false)
    $0.limit = 2
  }
  // User mode can set the mask if it can reach it, and any value but 0 masks; the saved byte is the whole of it.
  everywhere("mask-set-by-guest", code_mask_ud2()) { _ in case_start.rdx = shared }
  everywhere("mask-ff-set-by-guest", code_mask_ff_ud2()) { _ in case_start.rdx = shared }

  topic = "nmi"
  observe("hypercall", .kernel, code_send_nmi())
  observe("hypercall-masked", .kernel, code_send_nmi()) { $0.frame.rflags = 2 }
  observe("hypercall-returns", .kernel, code_send_nmi()) { $0.limit = 2 }
  observe("hypercall-mask-flag", .kernel, code_send_nmi()) { _ in World.trap(2, level: 0, mask: true) }
  observe("callback-masks", .kernel, code_send_nmi()) { _ in Callback.nmi.register(World.stub(2), maskEvents: false) }
  observe("twice", .kernel, code_send_nmi_twice()) { $0.limit = 3 }
  observe("no-handler", .kernel, code_send_nmi()) { _ in World.clear(keeping: 13) }
  observe("unregistered", .kernel, code_send_nmi()) { _ in
    Callback.nmi.register(World.stub(2), maskEvents: false)
    Hypercall.callbackOperation(1, words(Callback.nmi.rawValue))
  }
  // NMI before event: the event's frame is on top of the NMI's.
  observe("and-event", .kernel, code_pending_and_nmi()) {
    case_start.rdx = vcpu_info
    $0.limit = 3
  }
  observe("and-event-mask-flag", .kernel, code_pending_and_nmi()) {
    case_start.rdx = vcpu_info
    World.trap(2, level: 0, mask: true)
    $0.limit = 3
  }
  observe("and-event-masked", .kernel, code_pending_and_nmi()) {
    case_start.rdx = vcpu_info
    $0.frame.rflags = 2
    $0.limit = 2
  }
  // A second NMI waits for the iret of the first; any iret, even one that does not end the handler.
  observe("inside", .kernel, code_send_nmi()) {
    World.trap(2, level: 0, address: code_nmi_handler_again())
    $0.landmark = code_nmi_handler_again()
  }
  observe("after-inside", .user, code_nothing())
  observe("inside-iret", .kernel, code_send_nmi()) {
    World.trap(2, level: 0, address: code_nmi_handler_again_iret())
    $0.landmark = code_nmi_handler_again_iret()
    store(UInt(WINDOW_COUNT), 0)
  }
  observe("after-inside-iret", .user, code_nothing())
  Memory.update(Memory.machineLeaf(shared), 0)
}
