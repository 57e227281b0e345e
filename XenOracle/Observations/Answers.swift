// What hypercalls answer, for good and bad arguments: xen/arch/x86/pv, xen/common. Those marked "dom0" differ in an unprivileged domain.

private let bad: UInt = 0x1000
private let badCanonical: UInt = 0x8000_0000_0000
private let inXen: UInt = 0xFFFF_8300_0000_0000

func observeHypercalls() {
  topic = "set_trap_table"
  World.reset()
  result("bad-pointer", Hypercall.setTrapTable(bad))
  result("non-canonical-pointer", Hypercall.setTrapTable(badCanonical))
  result("pointer-in-xen", Hypercall.setTrapTable(inXen))
  result("empty", Hypercall.setTrapTable(words(0, 0)))
  result("non-canonical-handler", Hypercall.setTrapTable(words(3, 0x8000_0000_0000)))
  result("handler-in-xen", Hypercall.setTrapTable(words(5, inXen)))
  result("clear", Hypercall.setTrapTable(0))
  // The entries before the bad one have been taken.
  World.reset()
  World.trap(3, level: 3, mask: true)
  observe("partly", .user, code_int3()) { _ in
    let place = words(3 | 7 << 8 | Selector.code64 << 16, World.stub(0x33), 3, 0x8000_0000_0000)
    Hypercall.setTrapTable(place)
  }

  topic = "callback_op"
  result("register", Callback.event.register(World.stub(256), maskEvents: true))
  result("register-non-canonical", Callback.event.register(0x8000_0000_0000, maskEvents: true))
  result("register-syscall-non-canonical", Callback.syscall.register(0x8000_0000_0000, maskEvents: true))
  result("register-nmi-non-canonical", Callback.nmi.register(0x8000_0000_0000, maskEvents: true))
  result("register-in-xen", Callback.sysenter.register(inXen, maskEvents: true))
  result("register-sysenter-deprecated", Hypercall.callbackOperation(0, words(3, World.stub(260))))
  result("register-type-6", Hypercall.callbackOperation(0, words(6, World.stub(260))))
  result("register-type-99", Hypercall.callbackOperation(0, words(99, World.stub(260))))
  result("register-flags", Hypercall.callbackOperation(0, words(0 | 0xFFFE << 16, World.stub(256))))
  result("register-bad-pointer", Hypercall.callbackOperation(0, bad))
  result("register-null-pointer", Hypercall.callbackOperation(0, 0))
  result("unregister-event", Hypercall.callbackOperation(1, words(0)))
  result("unregister-failsafe", Hypercall.callbackOperation(1, words(1)))
  result("unregister-syscall", Hypercall.callbackOperation(1, words(2)))
  result("unregister-sysenter", Hypercall.callbackOperation(1, words(5)))
  result("unregister-syscall32", Hypercall.callbackOperation(1, words(7)))
  result("unregister-nmi", Hypercall.callbackOperation(1, words(4)))
  result("unregister-type-99", Hypercall.callbackOperation(1, words(99)))
  result("unregister-bad-pointer", Hypercall.callbackOperation(1, bad))
  result("unknown", Hypercall.callbackOperation(2, words(0)))
  result("set-callbacks", Hypercall.setCallbacks(World.stub(256), World.stub(257), World.stub(258)))
  result("set-callbacks-non-canonical", Hypercall.setCallbacks(0x8000_0000_0000, 0, 0))
  observe("set-callbacks-no-mask", .user, code_syscall()) { _ in
    Hypercall.setCallbacks(World.stub(256), World.stub(257), World.stub(258))
  }
  result("nmi-op-register", Hypercall.nmiOperation(0, words(World.stub(2))))
  result("nmi-op-register-non-canonical", Hypercall.nmiOperation(0, words(0x8000_0000_0000)))
  result("nmi-op-register-bad-pointer", Hypercall.nmiOperation(0, bad))
  result("nmi-op-unregister", Hypercall.nmiOperation(1, 0))
  result("nmi-op-unknown", Hypercall.nmiOperation(2, 0))

  topic = "stack_switch"
  result("good", Hypercall.stackSwitch(Selector.data, Top.kernelStack))
  result("null-ss", Hypercall.stackSwitch(0, Top.kernelStack))
  result("bad-ss", Hypercall.stackSwitch(0x1234_5678, Top.kernelStack))
  result("non-canonical", Hypercall.stackSwitch(Selector.data, 0x8000_0000_0000))
  result("in-xen", Hypercall.stackSwitch(Selector.data, inXen))
  World.reset()

  topic = "console_io"
  result("write-0", Hypercall.consoleIO(0, 0, 0))
  result("write-bad-pointer", Hypercall.consoleIO(0, 1, bad))
  result("unknown", Hypercall.consoleIO(2, 0, 0))
  result("read-negative", Hypercall.consoleIO(1, 0x8000_0000, line_buffer_address()))

  topic = "xen_version"
  result("version", Hypercall.xenVersion(0, 0))
  result("extraversion-bad-pointer", Hypercall.xenVersion(1, bad))
  result("compile-info-bad-pointer", Hypercall.xenVersion(2, bad))
  result("capabilities-bad-pointer", Hypercall.xenVersion(3, bad))
  result("changeset-bad-pointer", Hypercall.xenVersion(4, bad))
  result("platform-parameters", Hypercall.xenVersion(5, words(0)))
  result("platform-parameters-value", load(scratch_address()))
  result("features", Hypercall.xenVersion(6, words(0)))
  // dom0: bit 11 of submap 0.
  result("features-map-0", load(scratch_address()) >> 32 & ~(1 << 11))
  result("features-submap-1", Hypercall.xenVersion(6, words(1)))
  result("features-map-1", load(scratch_address()) >> 32)
  result("features-bad-pointer", Hypercall.xenVersion(6, bad))
  result("page-size", Hypercall.xenVersion(7, 0))
  result("guest-handle-bad-pointer", Hypercall.xenVersion(8, bad))
  result("command-line-bad-pointer", Hypercall.xenVersion(9, bad))
  result("unknown", Hypercall.xenVersion(99, 0))

  topic = "vm_assist"
  result("enable-0", Hypercall.assist(0, 0))
  result("enable-1", Hypercall.assist(0, 1))
  result("enable-3", Hypercall.assist(0, 3))
  result("enable-5", Hypercall.assist(0, 5))
  result("enable-6", Hypercall.assist(0, 6))
  result("enable-31", Hypercall.assist(0, 31))
  result("enable-32", Hypercall.assist(0, 32))
  result("enable-64", Hypercall.assist(0, 64))
  result("disable-0", Hypercall.assist(1, 0))
  result("disable-3", Hypercall.assist(1, 3))
  result("disable-5", Hypercall.assist(1, 5))
  result("disable-1", Hypercall.assist(1, 1))
  result("disable-6", Hypercall.assist(1, 6))
  result("unknown", Hypercall.assist(2, 0))

  topic = "vcpu_op"
  result("is-up-0", Hypercall.virtualCPUOperation(3, 0, 0))
  result("is-up-1", Hypercall.virtualCPUOperation(3, 1, 0))
  result("is-up-8191", Hypercall.virtualCPUOperation(3, 8191, 0))
  result("is-up-negative", Hypercall.virtualCPUOperation(3, ~0, 0))
  result("initialise-0", Hypercall.virtualCPUOperation(0, 0, bad))
  result("up-0", Hypercall.virtualCPUOperation(1, 0, 0))
  result("runstate-bad-pointer", Hypercall.virtualCPUOperation(4, 0, bad))
  result("runstate", Hypercall.virtualCPUOperation(4, 0, words(0)))
  result("runstate-state", load(scratch_address()) & 0xFFFF_FFFF)
  result("register-runstate-bad-pointer", Hypercall.virtualCPUOperation(5, 0, bad))
  result("set-periodic-too-short", Hypercall.virtualCPUOperation(6, 0, words(1)))
  result("set-periodic-bad-pointer", Hypercall.virtualCPUOperation(6, 0, bad))
  result("set-periodic-too-long", Hypercall.virtualCPUOperation(6, 0, words(1 << 63)))
  result("stop-periodic", Hypercall.virtualCPUOperation(7, 0, 0))
  result("set-singleshot-bad-pointer", Hypercall.virtualCPUOperation(8, 0, bad))
  result("stop-singleshot", Hypercall.virtualCPUOperation(9, 0, 0))
  result("stop-singleshot-other", Hypercall.virtualCPUOperation(9, 1, 0))
  result("register-info-bad-pointer", Hypercall.virtualCPUOperation(10, 0, bad))
  result("register-info-offset-over-page", Hypercall.virtualCPUOperation(10, 0, words(0, 4096 - 8)))
  result("register-info-bad-frame", Hypercall.virtualCPUOperation(10, 0, words(1 << 40, 0)))
  result("send-nmi-1", Hypercall.virtualCPUOperation(11, 1, 0))
  result("physical-id-bad-pointer", Hypercall.virtualCPUOperation(12, 0, bad))
  result("register-time-bad-pointer", Hypercall.virtualCPUOperation(13, 0, bad))
  result("unknown", Hypercall.virtualCPUOperation(99, 0, 0))
  result("unknown-other", Hypercall.virtualCPUOperation(99, 1, 0))

  topic = "sched_op"
  result("yield", Hypercall.schedulerOperation(0, 0))
  result("shutdown-bad-pointer", Hypercall.schedulerOperation(2, bad))
  result("poll-bad-pointer", Hypercall.schedulerOperation(3, bad))
  result("poll-too-many", Hypercall.schedulerOperation(3, words(0, 129, 0)))
  result("poll-bad-port", Hypercall.schedulerOperation(3, words(scratch_address() + 24, 1, 1, 0xFFFF_FFFF)))
  result("remote-shutdown-bad-pointer", Hypercall.schedulerOperation(4, bad))
  result("shutdown-code", Hypercall.schedulerOperation(5, words(0)))
  result("watchdog-bad-pointer", Hypercall.schedulerOperation(6, bad))
  result("watchdog-bad-id", Hypercall.schedulerOperation(6, words(5 | 1 << 32)))
  result("watchdog-not-in-use", Hypercall.schedulerOperation(6, words(1 | 1 << 32)))
  result("unknown", Hypercall.schedulerOperation(99, 0))
  store_byte(vcpu_info, 0)

  topic = "multicall"
  result("none", Hypercall.multicall(scratch_address(), 0))
  result("bad-pointer", Hypercall.multicall(bad, 1))
  multicall()

  topic = "memory_op"
  result("machphys-mapping", Hypercall.memoryOperation(12, words(0)))
  result("machphys-start", load(scratch_address()))
  result("machphys-end", load(scratch_address() + 8))
  result("machphys-bad-pointer", Hypercall.memoryOperation(12, bad))
  result("maximum-ram-page-known", Hypercall.memoryOperation(2, 0) > 0 ? 1 : 0)
  result("current-reservation-bad-pointer", Hypercall.memoryOperation(3, bad))
  result("current-reservation-self", Hypercall.memoryOperation(3, words(0x7FF0)) > 0 ? 1 : 0)
  result("current-reservation-nobody", Hypercall.memoryOperation(3, words(0x7FEF)))
  result("maximum-reservation-bad-pointer", Hypercall.memoryOperation(4, bad))
  result("increase-bad-pointer", Hypercall.memoryOperation(0, bad))
  result("decrease-none", Hypercall.memoryOperation(1, words(scratch_address() + 64, 0, 0, 0x7FF0)))
  result("memory-map-bad-pointer", Hypercall.memoryOperation(9, bad))
  result("add-to-physmap-bad-pointer", Hypercall.memoryOperation(7, bad))
  result("unknown", Hypercall.memoryOperation(0x3F, 0))

  topic = "physdev_op"
  result("set-iopl-bad-pointer", Hypercall.physicalDeviceOperation(6, bad))
  result("set-iopl-4", Hypercall.physicalDeviceOperation(6, words(4)))
  result("set-iobitmap-bad-pointer", Hypercall.physicalDeviceOperation(7, bad))
  result("set-iobitmap-too-many", Hypercall.physicalDeviceOperation(7, words(0, 65537)))
  result("unknown", Hypercall.physicalDeviceOperation(99, 0))

  // The other domain's mapping: DOMID_SELF, and nobody.
  topic = "update_va_mapping_otherdomain"
  let here = Memory.window + 0x7000
  result("self", Hypercall.updateOtherDomainMapping(here, Memory.machine(line_buffer_address()) | 0x65, 2, 0x7FF0))
  result("self-read-back", load(Memory.leaf(here)) & 0xFFF)
  result("nobody", Hypercall.updateOtherDomainMapping(here, 0, 2, 0x7FEF))
  result("self-clear", Hypercall.updateOtherDomainMapping(here, 0, 2, 0x7FF0))

  observeReservations()

  topic = "number"
  result("6", hypercall(6, 99, 0, 0, 0, 0))
  result("19", hypercall(19, bad, 0, 0, 0, 0))
  result("27", hypercall(27, bad, 0, 0, 0, 0))
  result("31", hypercall(31, 99, bad, 0, 0, 0))
  result("34", hypercall(34, 99, bad, 0, 0, 0))
  result("35", hypercall(35, bad, 0, 0, 0, 0))
  result("36", hypercall(36, bad, 0, 0, 0, 0))
  result("38", hypercall(38, bad, 0, 0, 0, 0))
  result("39", hypercall(39, 99, bad, 0, 0, 0))
  result("11", hypercall(11, 0, 0, 0, 0, 0))
  result("16", hypercall(16, 0, 0, 0, 0, 0))
  result("44", hypercall(44, 0, 0, 0, 0, 0))
  result("47", hypercall(47, 0, 0, 0, 0, 0))
  result("55", hypercall(55, 0, 0, 0, 0, 0))
  result("56", hypercall(56, 0, 0, 0, 0, 0))
  result("1000", hypercall(1000, 0, 0, 0, 0, 0))
  result("high-half", hypercall(17 | 1 << 32, 0, 0, 0, 0, 0))
  result("negative", hypercall(~0, 0, 0, 0, 0, 0))
  result("set-timer-0", Hypercall.setTimer(0))
}

/// A page goes and another comes in its place: memory_op decrease_reservation, populate_physmap in xen/common/memory.c.
private func observeReservations() {
  topic = "memory_op"
  let list = scratch_address() + 64
  let page = spare_pages_address() + 5 * 4096
  // struct xen_memory_reservation: extent list, count, order and address bits, domain. The page goes and another comes.
  store(list, Memory.machine(page) >> 12)
  result("unmap-for-decrease", Memory.map(page, 0))
  result("decrease", Hypercall.memoryOperation(1, words(list, 1, 0, 0x7FF0)))
  result("decrease-again", Hypercall.memoryOperation(1, words(list, 1, 0, 0x7FF0)))
  store(list, 1 << 40)
  result("decrease-far", Hypercall.memoryOperation(1, words(list, 1, 0, 0x7FF0)))
  store(list, (page - Memory.imageBase) >> 12)
  result("populate", Hypercall.memoryOperation(6, words(list, 1, 0, 0x7FF0)))
  let frame = load(list)
  result("populate-m2p", load(0xFFFF_8000_0000_0000 + frame * 8) == (page - Memory.imageBase) >> 12 ? 1 : 0)
  result("map-populated", Memory.map(page, frame << 12 | 0x63))
  store(load(start_info + 104) + (page - Memory.imageBase) / 4096 * 8, frame)
  result("increase", Hypercall.memoryOperation(0, words(list, 0, 0, 0x7FF0)))
}

/// Three calls at once, the second of them unknown: each has its own answer.
private func multicall() {
  let table = scratch_address() + 512
  var index: UInt = 0
  while index < 24 {
    store(table + index * 8, 0)
    index += 1
  }
  store(table, Hypercall.xenVersion.rawValue)
  store(table + 64, 99)
  store(table + 72, 0x1234)
  store(table + 128, Hypercall.stackSwitch.rawValue)
  store(table + 144, Selector.data)
  store(table + 152, 0x8000_0000_0000)
  result("three", Hypercall.multicall(table, 3))
  result("first", load(table + 8))
  result("second", load(table + 72))
  result("third", load(table + 136))
  store(table, Hypercall.multicall.rawValue)
  result("nested", Hypercall.multicall(table, 1))
  result("nested-answer", load(table + 8))
  World.reset()
}
