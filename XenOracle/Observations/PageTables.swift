// Entries that a guest may install, what Xen adds to them, and pinning: mod_l1_entry to mod_l4_entry, do_mmu_update, do_mmuext_op in
// xen/arch/x86/mm.c; pv/mm.h. Of an entry all but its frame is shown.

let frameBits: UInt = 0x000F_FFFF_FFFF_F000
private let bad: UInt = 0x1000
/// An address of the window whose entry the cases change.
let here = Memory.window + 0x5000

func spare(_ index: UInt) -> UInt { spare_pages_address() + index * 4096 }

/// The answer, then the entry as the guest reads it back.
func entry(_ name: StaticString, _ answer: Int, _ place: UInt) {
  var line = Line()
  line.put(topic)
  line.put("/")
  line.put(name)
  line.put(": ")
  putAnswer(&line, answer)
  line.put(" -> ")
  line.put(hex: load(place) & ~frameBits)
  line.end()
}

func leaf(_ name: StaticString, _ flags: UInt, _ page: UInt = 0) {
  entry(name, Memory.map(here, Memory.machine(spare(page)) | flags), Memory.leaf(here))
}

private func readOnly(_ page: UInt) -> Int { Memory.map(page, Memory.machine(page) | 0x21) }
private func writable(_ page: UInt) -> Int { Memory.map(page, Memory.machine(page) | 0x63) }
private func frame(_ page: UInt) -> UInt { Memory.machine(page) >> 12 }

func observePageTables() {
  topic = "pte"
  leaf("user-writable", 0x67)
  leaf("user-read-only", 0x65)
  leaf("kernel-writable", 0x63)
  leaf("kernel-read-only", 0x21)
  leaf("present", 1)
  leaf("user-present", 5)
  leaf("global-user", 0x167)
  leaf("global-kernel", 0x163)
  leaf("available", 0xE67)
  leaf("available-high", 0x67 | 0x7FE << 52)
  leaf("guest-kernel-bit-kernel", 0x63 | 1 << 52)
  leaf("guest-kernel-bit-user", 0x67 | 1 << 52)
  leaf("no-execute", 0x67 | 1 << 63)
  leaf("not-accessed", 7)
  leaf("dirty-not-accessed", 0x47)
  entry("not-present", Memory.map(here, 0), Memory.leaf(here))
  entry("not-present-bits", Memory.map(here, 0xE66), Memory.leaf(here))
  entry("frame-all-ones", Memory.map(here, 0x67 | frameBits), Memory.leaf(here))
  entry("own-l1-writable", Memory.map(here, Memory.machine(user_l1_address()) | 0x67), Memory.leaf(here))
  entry("own-l1-read-only", Memory.map(here, Memory.machine(user_l1_address()) | 0x65), Memory.leaf(here))
  entry("own-l4-writable", Memory.map(here, Memory.machine(user_l4_address()) | 0x67), Memory.leaf(here))
  entry("own-l4-read-only", Memory.map(here, Memory.machine(user_l4_address()) | 0x65), Memory.leaf(here))
  entry("read-only-to-writable", Memory.map(here, Memory.machine(user_l4_address()) | 0x67), Memory.leaf(here))
  // A page that is a table's at another place is fine as data of this one.
  leaf("replaced", 0x67, 1)
  store(here, 0x1234)
  result("replaced-content", load(spare(1)))
  entry("no-l1", Memory.map(Memory.window + 0x20_0000, Memory.machine(spare(0)) | 0x67), Memory.leaf(here))
  entry("no-l3", Memory.map(0x7F_FFFF_F000_0000, Memory.machine(spare(0)) | 0x67), Memory.leaf(here))
  entry("in-xen", Memory.map(0xFFFF_8300_0000_0000, Memory.machine(spare(0)) | 0x67), Memory.leaf(here))
  entry("non-canonical", Memory.map(0x8000_0000_0000, Memory.machine(spare(0)) | 0x67), Memory.leaf(here))
  for flush in 0..<8 { uvmf(UInt(flush)) }
  // No flush asked for where the entry only gains rights; then the new ones hold.
  leaf("read-only", 0x65)
  everywhere("store-read-only", code_store_rdx()) { _ in case_start.rdx = here }
  leaf("kernel-only", 0x63)
  everywhere("store-kernel-only", code_store_rdx()) { _ in case_start.rdx = here }
  leaf("no-execute-set", 0x65 | 1 << 63)
  everywhere("jump-no-execute", code_jump_rdx()) { _ in case_start.rdx = here }
  leaf("accessed-clear", 7)
  store_byte(here, 1)
  entry("accessed-by-processor", 0, Memory.leaf(here))

  topic = "mmu_update"
  let place = Memory.machineLeaf(here)
  let page = Memory.machine(spare(0))
  entry("normal", Memory.update(place, page | 0x67), Memory.leaf(here))
  entry("clear-accessed", Memory.update(place, page | 7), Memory.leaf(here))
  store_byte(here, 1)
  entry("preserve", Memory.update(place | 2, page | 5), Memory.leaf(here))
  Memory.update(place, page | 7)
  ExtendedMMU.invalidateLocal(here)
  store_byte(here, 1)
  entry("preserve-after-flush", Memory.update(place | 2, page | 5), Memory.leaf(here))
  entry("same", Memory.update(place, page | 5), Memory.leaf(here))
  entry("reserved-51", Memory.update(place, page | 0x67 | 1 << 51), Memory.leaf(here))
  result("none", Hypercall.mmuUpdate(words(0), 0, 0, 0x7FF0))
  result("bad-pointer", Hypercall.mmuUpdate(bad, 1, 0, 0x7FF0))
  result("nobody", Hypercall.mmuUpdate(words(place, page | 0x67), 1, 0, 0x7FEF))
  result("frame-all-ones", Memory.update(frameBits, 0))
  result("frame-far", Memory.update(0x000F_0000_0000_0000, 0))
  // Any page of the guest's own can be written so, a table or not.
  store(spare(2), 0)
  result("data-page", Memory.update(Memory.machine(spare(2)), 0x7777_7777_7777))
  result("data-page-content", load(spare(2)))
  batch()
  result("m2p", Memory.update(page | 1, 0x1234))
  result("m2p-read", load(0xFFFF_8000_0000_0000 + page / 4096 * 8))
  result("m2p-back", Memory.update(page | 1, (spare(0) - Memory.imageBase) >> 12))
  result("m2p-frame-far", Memory.update(0x000F_0000_0000_0001, 0))

  topic = "table"
  let l2 = user_l2_address() + 16 * 8
  let l3 = user_l3_address() + 16 * 8
  let l4 = user_l4_address() + 16 * 8
  store(spare(3), 0)
  entry("l2-writable-page", Memory.update(Memory.machine(l2), Memory.machine(spare(3)) | 0x67), l2)
  result("unmap-writable", readOnly(spare(3)))
  entry("l2", Memory.update(Memory.machine(l2), Memory.machine(spare(3)) | 0x67), l2)
  result("l1-writable", writable(spare(3)))
  entry("l2-no-user", Memory.update(Memory.machine(l2), Memory.machine(spare(3)) | 0x63), l2)
  entry("l2-present", Memory.update(Memory.machine(l2), Memory.machine(spare(3)) | 1), l2)
  entry("l2-no-execute", Memory.update(Memory.machine(l2), Memory.machine(spare(3)) | 0x67 | 1 << 63), l2)
  entry("l2-large", Memory.update(Memory.machine(l2), Memory.machine(spare(3)) | 0xE7), l2)
  entry("l2-global", Memory.update(Memory.machine(l2), Memory.machine(spare(3)) | 0x167), l2)
  entry("l2-available", Memory.update(Memory.machine(l2), Memory.machine(spare(3)) | 0xE67), l2)
  entry("l2-available-high", Memory.update(Memory.machine(l2), Memory.machine(spare(3)) | 0x67 | 0x7F << 52), l2)
  entry("l2-l1-twice", Memory.update(Memory.machine(l2 + 8), Memory.machine(spare(3)) | 0x67), l2 + 8)
  entry("l2-clear-second", Memory.update(Memory.machine(l2 + 8), 0), l2 + 8)
  entry("l3-is-l1", Memory.update(Memory.machine(l3), Memory.machine(spare(3)) | 0x67), l3)
  entry("l2-clear", Memory.update(Memory.machine(l2), 0), l2)
  result("writable-again", writable(spare(3)))
  result("read-only-again", readOnly(spare(3)))
  entry("l2-self", Memory.update(Memory.machine(l2), Memory.machine(user_l2_address()) | 0x67), l2)
  entry("l2-self-read-only", Memory.update(Memory.machine(l2), Memory.machine(user_l2_address()) | 0x25), l2)
  Memory.update(Memory.machine(l2), 0)
  entry("l3", Memory.update(Memory.machine(l3), Memory.machine(spare(3)) | 0x23), l3)
  entry("l3-large", Memory.update(Memory.machine(l3), Memory.machine(spare(3)) | 0xE7), l3)
  entry("l3-clear", Memory.update(Memory.machine(l3), 0), l3)
  entry("l4", Memory.update(Memory.machine(l4), Memory.machine(spare(3)) | 1), l4)
  entry("l4-global", Memory.update(Memory.machine(l4), Memory.machine(spare(3)) | 0x167), l4)
  entry("l4-clear", Memory.update(Memory.machine(l4), 0), l4)
  entry("l4-self", Memory.update(Memory.machine(l4), Memory.machine(user_l4_address()) | 0x67), l4)
  entry("l4-self-read-only", Memory.update(Memory.machine(l4), Memory.machine(user_l4_address()) | 0x25), l4)
  Memory.update(Memory.machine(l4), 0)
  result("l4-slot-255", Memory.update(Memory.machine(user_l4_address() + 255 * 8), 0))
  result("l4-slot-256", Memory.update(Memory.machine(user_l4_address() + 256 * 8), 0))
  result("l4-slot-271", Memory.update(Memory.machine(user_l4_address() + 271 * 8), 0))
  result("l4-slot-272", Memory.update(Memory.machine(user_l4_address() + 272 * 8), 0))
  result("l4-slot-511", Memory.update(Memory.machine(user_l4_address() + 511 * 8), 0))

  observePins()
  observeWritableTables()
}

private func uvmf(_ flags: UInt) {
  var line = Line()
  line.put("pte/flush-")
  line.put(hex: flags)
  line.put(": ")
  putAnswer(&line, Hypercall.updateVirtualAddressMapping(here, Memory.machine(spare(0)) | 0x67, flags))
  line.end()
}

/// Three updates of which the second fails: the answer is its error, and the count says that one was done.
private func batch() {
  let list = scratch_address() + 256
  store(list, Memory.machineLeaf(here))
  store(list + 8, Memory.machine(spare(0)) | 0x65)
  store(list + 16, Memory.machineLeaf(here))
  store(list + 24, Memory.machine(user_l1_address()) | 0x67)
  store(list + 32, Memory.machineLeaf(here))
  store(list + 40, Memory.machine(spare(0)) | 0x67)
  store(scratch_address(), 0x99)
  entry("batch", Hypercall.mmuUpdate(list, 3, scratch_address(), 0x7FF0), Memory.leaf(here))
  result("batch-done", load(scratch_address()) & 0xFFFF_FFFF)
  result("batch-done-bad-pointer", Hypercall.mmuUpdate(list, 1, bad, 0x7FF0))
}

private func observePins() {
  topic = "pin"
  let table = spare(4)
  store(table, 0)
  result("writable", ExtendedMMU.pinL1(frame(table)))
  result("map-read-only", readOnly(table))
  result("l1", ExtendedMMU.pinL1(frame(table)))
  result("l1-again", ExtendedMMU.pinL1(frame(table)))
  result("l2-while-l1", ExtendedMMU.pinL2(frame(table)))
  result("map-writable", writable(table))
  result("unpin", ExtendedMMU.unpin(frame(table)))
  result("unpin-again", ExtendedMMU.unpin(frame(table)))
  result("l2", ExtendedMMU.pinL2(frame(table)))
  result("l2-unpin", ExtendedMMU.unpin(frame(table)))
  result("l3", ExtendedMMU.pinL3(frame(table)))
  result("l3-unpin", ExtendedMMU.unpin(frame(table)))
  result("l4", ExtendedMMU.pinL4(frame(table)))
  result("l4-xen-slots-filled", load(table + 256 * 8) & 1)
  result("l4-unpin", ExtendedMMU.unpin(frame(table)))
  result("map-writable-again", writable(table))
  var index: UInt = 0
  while index < 512 {
    store(table + index * 8, 0)
    index += 1
  }
  // A table is looked through when it gets its type.
  store(table + 8, Memory.machine(spare(5)) | 0x67)
  store(table + 16, Memory.machine(spare(5)) | 0x63)
  result("map-read-only-again", readOnly(table))
  result("good-entries", ExtendedMMU.pinL1(frame(table)))
  result("good-entry-user", load(table + 8) & ~frameBits)
  result("good-entry-kernel", load(table + 16) & ~frameBits)
  result("good-unpin", ExtendedMMU.unpin(frame(table)))
  result("as-l2-of-data", ExtendedMMU.pinL2(frame(table)))
  result("map-writable-third", writable(table))
  store(table + 8, Memory.machine(table) | 0x67)
  result("map-read-only-third", readOnly(table))
  result("maps-itself-writable", ExtendedMMU.pinL1(frame(table)))
  result("map-writable-fourth", writable(table))
  store(table + 8, Memory.machine(user_l4_address()) | 0x67)
  result("map-read-only-fourth", readOnly(table))
  result("maps-l4-writable", ExtendedMMU.pinL1(frame(table)))
  result("map-writable-fifth", writable(table))
  store(table + 8, 0)
  store(table + 16, 0)

  result("frame-far", ExtendedMMU.pinL1(1 << 40))
  result("unpin-frame-far", ExtendedMMU.unpin(1 << 40))
  result("unpin-data", ExtendedMMU.unpin(frame(spare(5))))
  result("base-data", ExtendedMMU.newBase(frame(spare(5))))
  result("base-l1", ExtendedMMU.newBase(frame(user_l1_address())))
  result("base-far", ExtendedMMU.newBase(1 << 40))
  result("base-same", ExtendedMMU.newBase(frame(Memory.kernelL4)))
  result("user-base-data", ExtendedMMU.newUserBase(frame(spare(5))))
  result("user-base-far", ExtendedMMU.newUserBase(1 << 40))
  result("user-base-same", ExtendedMMU.newUserBase(frame(user_l4_address())))
  result("user-base-0", ExtendedMMU.newUserBase(0))
  result("user-base-again", ExtendedMMU.newUserBase(frame(user_l4_address())))
  result("user-base-kernel-l4", ExtendedMMU.newUserBase(frame(Memory.kernelL4)))
  result("user-base-back", ExtendedMMU.newUserBase(frame(user_l4_address())))
  result("flush", ExtendedMMU.flushLocal())
  result("invalidate", ExtendedMMU.invalidateLocal(here))
  result("invalidate-non-canonical", ExtendedMMU.invalidateLocal(0x8000_0000_0000))
  result("invalidate-in-xen", ExtendedMMU.invalidateLocal(0xFFFF_8300_0000_0000))
  result("flush-multi", Hypercall.extendedMMUOperation(words(8, 0, vcpu_info), 1, 0, 0x7FF0))
  result("flush-multi-bad-pointer", Hypercall.extendedMMUOperation(words(8, 0, bad), 1, 0, 0x7FF0))
  result("flush-all", Hypercall.extendedMMUOperation(words(10), 1, 0, 0x7FF0))
  result("invalidate-all", Hypercall.extendedMMUOperation(words(11, here), 1, 0, 0x7FF0))
  result("clear-page", Hypercall.extendedMMUOperation(words(16, frame(spare(5))), 1, 0, 0x7FF0))
  result("clear-page-table", Hypercall.extendedMMUOperation(words(16, frame(user_l1_address())), 1, 0, 0x7FF0))
  result("copy-page", Hypercall.extendedMMUOperation(words(17, frame(spare(5)), frame(spare(2))), 1, 0, 0x7FF0))
  let toTable = words(17, frame(user_l1_address()), frame(spare(2)))
  result("copy-page-to-table", Hypercall.extendedMMUOperation(toTable, 1, 0, 0x7FF0))
  result("copied", load(spare(5)))
  result("mark-super", Hypercall.extendedMMUOperation(words(19, 0), 1, 0, 0x7FF0))
  result("unknown", Hypercall.extendedMMUOperation(words(99, 0), 1, 0, 0x7FF0))
  result("bad-pointer", Hypercall.extendedMMUOperation(bad, 1, 0, 0x7FF0))
  result("nobody", Hypercall.extendedMMUOperation(words(6), 1, 0, 0x7FEF))
  result("count-0", Hypercall.extendedMMUOperation(words(99), 0, 0, 0x7FF0))
}
