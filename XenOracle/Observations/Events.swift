// Event channels of the 2-level ABI, and the timer: xen/common/event_channel.c, event_2l.c, xen/common/domain.c.

private let bad: UInt = 0x1000

func observeEventChannels() {
  topic = "event_channel_op"
  // struct evtchn_bind_virq: virq, vcpu, port.
  result("bind-virq-timer", Hypercall.eventChannelOperation(1, words(0, 0)))
  let port = load(scratch_address() + 8) & 0xFFFF_FFFF
  result("bind-virq-timer-again", Hypercall.eventChannelOperation(1, words(0, 0)))
  result("bind-virq-bad", Hypercall.eventChannelOperation(1, words(99, 0)))
  result("bind-virq-bad-vcpu", Hypercall.eventChannelOperation(1, words(1 | 7 << 32, 0)))
  result("bind-virq-bad-pointer", Hypercall.eventChannelOperation(1, bad))
  result("bind-ipi", Hypercall.eventChannelOperation(7, words(0)))
  let own = load(scratch_address()) >> 32
  result("bind-ipi-bad-vcpu", Hypercall.eventChannelOperation(7, words(7)))
  result("status-ipi", Hypercall.eventChannelOperation(5, words(0x7FF0 | own << 32)))
  result("status-ipi-value", load(scratch_address() + 8) & 0xFFFF_FFFF)
  result("status-virq", Hypercall.eventChannelOperation(5, words(0x7FF0 | port << 32)))
  result("status-virq-value", load(scratch_address() + 8) & 0xFFFF_FFFF)
  result("status-0", Hypercall.eventChannelOperation(5, words(0x7FF0)))
  result("status-bad-port", Hypercall.eventChannelOperation(5, words(0x7FF0 | 0xFFFF << 32)))
  result("status-nobody", Hypercall.eventChannelOperation(5, words(0x7FEF | own << 32)))
  result("send-virq", Hypercall.eventChannelOperation(4, words(port)))
  result("send-unbound", Hypercall.eventChannelOperation(4, words(own + 20)))
  result("send-bad-port", Hypercall.eventChannelOperation(4, words(0xFFFF_FFFF)))
  result("send-bad-pointer", Hypercall.eventChannelOperation(4, bad))
  result("alloc-unbound-self", Hypercall.eventChannelOperation(6, words(0x7FF0 | 0x7FF0 << 16)))
  let unbound = load(scratch_address()) >> 32
  result("alloc-unbound-nobody", Hypercall.eventChannelOperation(6, words(0x7FEF | 0x7FF0 << 16)))
  result("send-alloc-unbound", Hypercall.eventChannelOperation(4, words(unbound)))
  result("interdomain-self", Hypercall.eventChannelOperation(0, words(0x7FF0 | unbound << 32)))
  let joined = load(scratch_address() + 8) & 0xFFFF_FFFF
  result("interdomain-again", Hypercall.eventChannelOperation(0, words(0x7FF0 | unbound << 32)))
  result("bind-vcpu", Hypercall.eventChannelOperation(8, words(joined)))
  result("bind-vcpu-bad", Hypercall.eventChannelOperation(8, words(joined | 7 << 32)))
  result("bind-vcpu-ipi", Hypercall.eventChannelOperation(8, words(own)))
  result("close-joined", Hypercall.eventChannelOperation(3, words(joined)))
  result("close-again", Hypercall.eventChannelOperation(3, words(joined)))
  result("close-unbound", Hypercall.eventChannelOperation(3, words(unbound)))
  result("close-0", Hypercall.eventChannelOperation(3, words(0)))
  result("close-bad-port", Hypercall.eventChannelOperation(3, words(0xFFFF_FFFF)))
  result("unmask-bad-port", Hypercall.eventChannelOperation(9, words(0xFFFF_FFFF)))
  result("reset-bad-pointer", Hypercall.eventChannelOperation(10, bad))
  result("init-control-bad-frame", Hypercall.eventChannelOperation(11, words(1 << 40, 0)))
  result("init-control-bad-vcpu", Hypercall.eventChannelOperation(11, words(0, 7 << 32)))
  result("expand-array-without-fifo", Hypercall.eventChannelOperation(12, words(0)))
  result("set-priority-without-fifo", Hypercall.eventChannelOperation(13, words(own)))
  result("unknown", Hypercall.eventChannelOperation(99, words(0)))

  // An IPI to itself, with the port's mask bit (2-level ABI: shared_info at 2048 pending, 2560 mask) set and clear.
  let mask = shared_page_address() + 2560
  let pending = shared_page_address() + 2048
  func clear() {
    store(pending, 0)
    store(vcpu_info + 8, 0)
    store_byte(vcpu_info, 0)
  }
  clear()
  store(mask, ~0)
  observe("send-port-masked", .kernel, code_send_event()) { _ in case_start.rdx = words(own) }
  result("send-port-masked-pending", load(pending) == 1 << own ? 1 : 0)
  result("send-port-masked-upcall", UInt(load_byte(vcpu_info)))
  result("send-port-masked-selector", load(vcpu_info + 8))
  result("unmask", Hypercall.eventChannelOperation(9, words(own)))
  result("unmask-mask-bit", load(mask) >> own & 1)
  result("unmask-upcall", UInt(load_byte(vcpu_info)))
  result("unmask-selector", load(vcpu_info + 8))
  clear()
  observe("send", .kernel, code_send_event()) { _ in case_start.rdx = words(own) }
  result("send-pending", load(pending) == 1 << own ? 1 : 0)
  // Pending already: no second upcall.
  observe("send-again", .kernel, code_send_event()) { _ in case_start.rdx = words(own) }
  clear()
  observe("send-upcall-masked", .kernel, code_send_event()) {
    case_start.rdx = words(own)
    $0.frame.rflags = 2
  }
  result("send-upcall-masked-pending", UInt(load_byte(vcpu_info)))
  clear()
  // The timer: a deadline in the past raises VIRQ_TIMER at once.
  store(mask, 0)
  observe("timer-past", .kernel, code_singleshot()) { _ in case_start.rdx = words(1, 0) }
  result("timer-past-port", load(pending) == 1 << port ? 1 : 0)
  clear()
  observe("timer-past-future-flag", .kernel, code_singleshot()) { _ in case_start.rdx = words(1, 1) }
  clear()
  observe("timer-waited-for", .kernel, code_wait_for_event()) {
    $0.frame.rflags = 2
    Hypercall.setTimer(load(vcpu_info + 32 + 16) + 10_000_000)
  }
  clear()
  result("close-virq", Hypercall.eventChannelOperation(3, words(port)))
  result("close-ipi", Hypercall.eventChannelOperation(3, words(own)))
}
