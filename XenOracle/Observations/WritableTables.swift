// Stores to page tables that the guest maps read-only, which Xen carries out: pv_ro_page_fault in xen/arch/x86/pv/ro-page-fault.c. And what
// the hardware domain alone may do.

private let bad: UInt = 0x1000

func observeWritableTables() {
  topic = "writable"
  let page = Memory.machine(spare(0))
  result("assist", Hypercall.assist(0, 2))
  Memory.map(here, page | 0x67)
  write("store", code_write_entry(), page | 0x65)
  write("store-kernel", code_write_entry(), page | 0x63)
  write("store-not-present", code_write_entry(), 0)
  write("store-bad", code_write_entry(), Memory.machine(user_l1_address()) | 0x67)
  write("store-again", code_write_entry(), page | 0x67)
  write("store-32", code_write_entry_32(), page & 0xFFFF_F000 | 0x65)
  write("store-8", code_write_entry_8(), 0x67)
  write("store-unaligned", code_write_entry_unaligned(), 0)
  write("store-16-bytes", code_write_entry_16_bytes(), 0)
  write("exchange", code_exchange_entry(), page | 0x65)
  write("compare-exchange", code_compare_exchange_entry(), page | 0x67)
  write("and-8", code_clear_dirty(), 0)
  write("or", code_read_modify_write(), 0)
  write("string", code_store_string(), page | 0x67)
  write("step", code_write_entry(), page | 0x65, Flag.trap)
  write("l2", code_write_entry(), 0, 0, user_l2_address() + 16 * 8)
  write("l4", code_write_entry(), 0, 0, user_l4_address() + 16 * 8)
  result("assist-off", Hypercall.assist(1, 2))
  Memory.map(here, 0)
}

/// What Xen lets the hardware domain do and no other: the lines that a run as an unprivileged domain does not have in common.
func observeDom0() {
  topic = "dom0"
  // Cache attributes, for a domain that has devices: l1_disallow_mask.
  leaf("write-through", 0x6F)
  leaf("uncached", 0x77)
  leaf("pat", 0xE7)
  // A store to a page table is emulated without the assist too, for the sake of read-only device pages: fixup_page_fault in x86/traps.c.
  Memory.map(here, Memory.machine(spare(0)) | 0x67)
  write("store-without-assist", code_write_entry(), Memory.machine(spare(0)) | 0x65)
  write("store-without-assist-user-l2", code_write_entry(), 0, 0, user_l2_address() + 16 * 8)
  Memory.map(here, 0)
  result("features", Hypercall.xenVersion(6, words(0)))
  result("features-map-0", load(scratch_address()) >> 32)
  result("platform-op-bad-pointer", Hypercall.platformOperation(bad))
  result("mca-bad-pointer", hypercall(48, bad, 0, 0, 0, 0))
}

private func write(_ name: StaticString, _ code: UInt, _ value: UInt, _ flags: UInt = 0, _ place: UInt? = nil) {
  observe(name, .kernel, code) {
    case_start.rdx = place ?? Memory.leaf(here)
    case_start.rsi = value
    $0.frame.rflags |= flags
    $0.landmark = place ?? Memory.leaf(here)
  }
  var line = Line()
  line.put(topic)
  line.put("/")
  line.put(name)
  line.put("-entry: ")
  line.put(hex: load(place ?? Memory.leaf(here)) & ~frameBits)
  line.end()
}
