// Grants, performance counters, time, and where vcpu_info lies: xen/common/grant_table.c, xen/arch/x86/cpu/vpmu.c, xen/common/domain.c.

private let bad: UInt = 0x1000

func observeServices() {
  topic = "grant_table_op"
  // struct gnttab_set_version, gnttab_get_version: the version; gnttab_query_size: domid, nr_frames, max_nr_frames, status.
  result("set-version-0", Hypercall.grantTableOperation(8, words(0), 1))
  result("set-version-3", Hypercall.grantTableOperation(8, words(3), 1))
  result("set-version-1", Hypercall.grantTableOperation(8, words(1), 1))
  result("set-version-bad-pointer", Hypercall.grantTableOperation(8, bad, 1))
  result("get-version", Hypercall.grantTableOperation(10, words(0x7FF0), 1))
  result("get-version-value", load(scratch_address()) >> 32)
  result("query-size", Hypercall.grantTableOperation(6, words(0x7FF0), 1))
  result("query-size-status", load(scratch_address() + 8) >> 32 & 0xFFFF)
  result("query-size-bad-pointer", Hypercall.grantTableOperation(6, bad, 1))
  result("query-size-2", Hypercall.grantTableOperation(6, words(0x7FF0), 2))
  result("setup-table-bad-pointer", Hypercall.grantTableOperation(2, bad, 1))
  result("setup-table-2", Hypercall.grantTableOperation(2, words(0x7FF0), 2))
  // struct gnttab_setup_table: domid, nr_frames, status, frame list.
  result("setup-table", Hypercall.grantTableOperation(2, words(0x7FF0 | 1 << 32, 0, scratch_address() + 64), 1))
  result("setup-table-status", load(scratch_address() + 8) & 0xFFFF)
  let tooMany = words(0x7FF0 | 0xFFFF << 32, 0, scratch_address() + 64)
  result("setup-table-too-many", Hypercall.grantTableOperation(2, tooMany, 1))
  result("setup-table-too-many-status", load(scratch_address() + 8) & 0xFFFF)
  result("set-version-none", Hypercall.grantTableOperation(8, words(1), 0))
  result("unknown", Hypercall.grantTableOperation(99, words(0), 1))
  result("count-negative", Hypercall.grantTableOperation(6, words(0x7FF0), 0xFFFF_FFFF))

  topic = "xenpmu_op"
  result("init", Hypercall.performanceMonitor(4, words(0)))
  result("init-bad-pointer", Hypercall.performanceMonitor(4, bad))
  result("finish", Hypercall.performanceMonitor(5, words(0)))
  result("unknown", Hypercall.performanceMonitor(99, words(0)))

  topic = "time"
  // Versions are even, time and counter have passed, the scale is not zero; the wall clock too.
  result("version-odd", load(vcpu_info + 32) & 1)
  result("counter-set", load(vcpu_info + 40) != 0 ? 1 : 0)
  result("system-time-set", load(vcpu_info + 48) != 0 ? 1 : 0)
  result("scale-set", load(vcpu_info + 56) & 0xFFFF_FFFF != 0 ? 1 : 0)
  result("wall-clock-version-odd", load(shared_page_address() + 3072) & 1)
  result("wall-clock-set", load(shared_page_address() + 3072) >> 32 != 0 ? 1 : 0)

  // struct vcpu_register_runstate_memory_area: an address. The area is filled at once: state, entry time, four times.
  topic = "runstate"
  let area = scratch_address() + 512
  store(area, ~0)
  store(area + 8, 0)
  result("register", Hypercall.virtualCPUOperation(5, 0, words(area)))
  result("state", load(area) & 0xFFFF_FFFF)
  result("entry-time-set", load(area + 8) != 0 ? 1 : 0)
  result("register-0", Hypercall.virtualCPUOperation(5, 0, words(0)))
  result("register-other-vcpu", Hypercall.virtualCPUOperation(5, 1, words(area)))

  topic = "poll"
  // SCHEDOP_poll: returns at once when a port is pending, or at the deadline.
  let port = (Hypercall.eventChannelOperation(7, words(0)), load(scratch_address()) >> 32).1
  store(shared_page_address() + 2560, ~0)
  store(shared_page_address() + 2048, 1 << port)
  store(scratch_address() + 64, port)
  result("pending", Hypercall.schedulerOperation(3, words(scratch_address() + 64, 1, 0)))
  store(shared_page_address() + 2048, 0)
  result("deadline-past", Hypercall.schedulerOperation(3, words(scratch_address() + 64, 1, 1)))
  let deadline = load(vcpu_info + 48) + 1_000_000
  result("deadline", Hypercall.schedulerOperation(3, words(scratch_address() + 64, 1, deadline)))
  result("close", Hypercall.eventChannelOperation(3, words(port)))
  store(vcpu_info + 8, 0)
  store_byte(vcpu_info, 0)
}

/// VCPUOP_register_vcpu_info, once and for the last: the contents move, all is made pending, and the old place is dead.
func observeVCPUInfo() {
  topic = "vcpu_info"
  World.reset()
  let page = spare_pages_address() + 4 * 4096
  let old = vcpu_info
  let offset: UInt = 0x140
  store(page + offset, 0)
  store(old + 16, 0x7777)
  // struct vcpu_register_vcpu_info: mfn, offset.
  let frame = Memory.machine(page) >> 12
  result("unaligned", Hypercall.virtualCPUOperation(10, 0, words(frame, 0x141)))
  result("over-the-end", Hypercall.virtualCPUOperation(10, 0, words(frame, 4096 - 56)))
  result("page-table", Hypercall.virtualCPUOperation(10, 0, words(Memory.machine(user_l1_address()) >> 12, 0)))
  result("register", Hypercall.virtualCPUOperation(10, 0, words(frame, offset)))
  vcpu_info = page + offset
  result("mask", UInt(load_byte(vcpu_info + 1)))
  result("pending", UInt(load_byte(vcpu_info)))
  result("selector-all-ones", load(vcpu_info + 8) == ~0 ? 1 : 0)
  result("cr2", load(vcpu_info + 16))
  result("again", Hypercall.virtualCPUOperation(10, 0, words(frame, offset)))
  result("elsewhere", Hypercall.virtualCPUOperation(10, 0, words(frame, 0x200)))
  everywhere("mask-moved", code_int3()) { _ in store_byte(old + 1, 1) }
  everywhere("event", code_nothing()) { _ in store_byte(vcpu_info, 1) }
  everywhere("old-pending", code_nothing()) { _ in store_byte(old, 1) }
  everywhere("page-fault", code_load_rdx()) { _ in case_start.rdx = Memory.window + 0x3000 }
  result("old-cr2", load(old + 16))
  result("page-writable-still", Memory.map(page, Memory.machine(page) | 0x63))
  result("page-as-table", ExtendedMMU.pinL1(frame))
}
