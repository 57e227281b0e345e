// A domain's own grants, mapped and copied by itself: xen/common/grant_table.c, xen/arch/x86/pv/grant_table.c. The domain is 0.

private enum Operation {
  static let map: UInt = 0
  static let unmap: UInt = 1
  static let setup: UInt = 2
  static let copy: UInt = 5
  static let unmapAndReplace: UInt = 7
  static let setVersion: UInt = 8
  static let statusFrames: UInt = 9
  static let getVersion: UInt = 10
  static let swap: UInt = 11
}

/// GNTMAP_*.
private enum Map {
  static let device: UInt = 1
  static let host: UInt = 2
  static let readOnly: UInt = 4
  static let application: UInt = 8
  static let containsEntry: UInt = 16
}

/// Where the table is seen, and the words of its entries.
private var table: UInt { spare(6) }
private var statusWords: UInt { spare(7) }
private let first = Memory.window + 0x5000
private let second = Memory.window + 0x7000

private func frame(_ page: UInt) -> UInt { Memory.machine(page) >> 12 }

/// The entry of version 1.
private func grant(_ reference: UInt, _ flags: UInt, to domain: UInt = 0, _ frame: UInt) {
  store(table + reference * 8, flags | domain << 16 | frame << 32)
}

/// A line of an operation: the call's answer, the status, then the flags of the entry, version 1's, or zero.
private func line(_ name: StaticString, _ answer: Int, _ status: UInt, _ flags: UInt, _ more: UInt) {
  var line = Line()
  line.put(topic)
  line.put("/")
  line.put(name)
  line.put(": ")
  putAnswer(&line, answer)
  line.put(" status ")
  line.put(decimal: Int(Int16(truncatingIfNeeded: status)))
  line.put(" flags ")
  line.put(hex: flags & 0xFFFF)
  line.put(" -> ")
  line.put(hex: more)
  line.end()
}

/// struct gnttab_map_grant_ref. After the arrow: the handle, and the entry at `address` without its frame.
@discardableResult
private func map(
  _ name: StaticString, _ reference: UInt, _ address: UInt, _ flags: UInt = Map.host, domain: UInt = 0, entry: UInt? = nil
) -> UInt {
  let place = scratch_address()
  store(place, address)
  store(place + 8, flags | reference << 32)
  store(place + 16, domain | 0xEEEE << 16 | 0xFFF << 32)
  store(place + 24, 0x7777)
  let answer = Hypercall.grantTableOperation(Operation.map, place, 1)
  let handle = load(place + 16) >> 32
  line(name, answer, load(place + 16) >> 16, load(table + reference % 512 * 8), handle)
  if let entry {
    var line = Line()
    line.put(topic)
    line.put("/")
    line.put(name)
    line.put("-entry: ")
    line.put(hex: load(entry) & ~frameBits)
    line.put(load(place + 24) & frameBits == load(entry) & frameBits ? " is the bus address's" : " is another's")
    line.end()
  }
  return handle
}

/// struct gnttab_unmap_grant_ref. After the arrow: the entry at `address`, but for its frame.
private func unmap(_ name: StaticString, _ handle: UInt, _ address: UInt, device: UInt = 0, _ reference: UInt) {
  let place = scratch_address()
  store(place, address)
  store(place + 8, device)
  store(place + 16, handle | 0xEEEE << 32)
  let answer = Hypercall.grantTableOperation(Operation.unmap, place, 1)
  line(name, answer, load(place + 16) >> 32, load(table + reference * 8), load(Memory.leaf(first)) & ~frameBits)
}

/// struct gnttab_copy. After the arrow: the first word of the destination's page.
private func copy(
  _ name: StaticString, _ flags: UInt, _ source: UInt, _ destination: UInt, from: UInt = 0x7FF0, to: UInt = 0x7FF0,
  at: UInt = 0, onto: UInt = 0, length: UInt = 8, reference: UInt = 0
) {
  let place = scratch_address()
  store(place, source)
  store(place + 8, from | at << 16)
  store(place + 16, destination)
  store(place + 24, to | onto << 16)
  store(place + 32, length | flags << 16 | 0xEEEE << 32)
  let answer = Hypercall.grantTableOperation(Operation.copy, place, 1)
  line(name, answer, load(place + 32) >> 32, load(table + reference * 8), load(spare(1)))
  store(spare(1), 0)
}

private func share(_ operation: UInt, _ place: UInt, _ list: UInt, at address: UInt) -> Int {
  let answer = Hypercall.grantTableOperation(operation, place, 1)
  Memory.map(address, load(list) << 12 | 0x63)
  return answer
}

func observeGrants() {
  topic = "grant"
  let own = words(0x7FF0 | 1 << 32, 0, scratch_address() + 64)
  result("table", share(Operation.setup, own, scratch_address() + 64, at: table))
  Memory.map(first, 0)
  Memory.map(second, 0)
  store(spare(2), 0x1111_2222_3333_4444)
  let page = frame(spare(2))

  // What cannot be mapped. One of the first eight is taken for what stays mapped, so that the version can change.
  grant(4, 1, page)
  map("map-nothing", 4, first, Map.readOnly)
  map("map-nobody", 4, first, domain: 0x55)
  map("map-self", 4, first, domain: 0x7FF0)
  map("map-beyond", 512, first)
  map("map-far-beyond", 0xFFFF_FFFF, first)
  map("map-unused", 9, first)
  grant(9, 1, to: 1, page)
  map("map-other-domain", 9, first)
  grant(9, 2, page)
  map("map-transfer", 9, first)
  grant(9, 3, page)
  map("map-transitive", 9, first)
  grant(9, 0x101, page)
  map("map-sub-page", 9, first)
  grant(9, 5, page)
  map("map-read-only", 9, first)
  grant(9, 1, 0xFFFF_FFFF)
  map("map-bad-frame", 9, first)
  grant(9, 1, frame(user_l1_address()))
  map("map-table", 9, first)
  grant(9, 1, page)
  map("map-no-table", 9, Memory.window + 0x20_0000)
  map("map-in-xen", 9, 0xFFFF_8300_0000_0000)
  map("map-entry-unaligned", 9, Memory.machineLeaf(first) + 4, Map.host | Map.containsEntry)
  map("map-entry-no-table", 9, Memory.machine(spare(1)), Map.host | Map.containsEntry)

  // What can. Flags that the guest set stay.
  let one = map("map", 4, first, entry: Memory.leaf(first))
  result("map-content", load(first))
  store(first + 8, 0x55)
  result("map-store", load(spare(2) + 8))
  map("map-over", 4, first, entry: Memory.leaf(first))
  let two = map("map-again", 4, second, Map.host | Map.readOnly | Map.application | 5 << 16, entry: Memory.leaf(second))
  everywhere("store-mapped-read-only", code_store_rdx()) { _ in case_start.rdx = second }
  everywhere("load-mapped", code_load_rdx()) { _ in case_start.rdx = second }
  // In use, its entry is not asked again.
  grant(4, 0, to: 3, page)
  let three = map("map-in-use", 4, first, Map.host | Map.readOnly, entry: Memory.leaf(first))
  grant(4, 0x19, page)
  unmap("unmap-wrong-address", three, Memory.window + 0x6000, 4)
  unmap("unmap-wrong-kind", one, first, 4)
  unmap("unmap-read-only", three, first, 4)
  unmap("unmap-gone", three, first, 4)
  unmap("unmap-no-entry", one, first, 4)
  unmap("unmap-bad-handle", 0xFFFF_FFFF, first, 4)
  // The guest makes the entry itself.
  Memory.map(first, page << 12 | 0x63)
  unmap("unmap-own-entry", one, first, 4)
  unmap("unmap-nothing", two, 0, 4)
  unmap("unmap-second", two, second, 4)

  // For devices: the bus address is the machine's.
  grant(10, 1, page)
  let device = map("map-device", 10, 0, Map.device)
  unmap("unmap-device-wrong", device, 0, device: 0x1000, 10)
  unmap("unmap-device", device, 0, device: page << 12, 10)
  let both = map("map-both", 10, first, Map.device | Map.host, entry: Memory.leaf(first))
  unmap("unmap-both-host", both, first, 10)
  unmap("unmap-both-device", both, 0, device: page << 12, 10)
  grant(10, 5, frame(user_l1_address()))
  let readOnly = map("map-table-read-only", 10, first, Map.host | Map.readOnly, entry: Memory.leaf(first))
  unmap("unmap-table", readOnly, first, 10)
  grant(10, 1, page)
  let entry = map("map-in-entry", 10, Memory.machineLeaf(first), Map.host | Map.containsEntry, entry: Memory.leaf(first))
  unmap("unmap-entry-by-address", entry, first, 10)
  unmap("unmap-entry", entry, Memory.machineLeaf(first), 10)

  // unmap_and_replace: what was at the second address is at the first.
  let replaced = map("map-to-replace", 10, first)
  Memory.map(second, Memory.machine(spare(1)) | 0x63)
  store(scratch_address(), first)
  store(scratch_address() + 8, second)
  store(scratch_address() + 16, replaced | 0xEEEE << 32)
  let answer = Hypercall.grantTableOperation(Operation.unmapAndReplace, scratch_address(), 1)
  line(
    "replace", answer, load(scratch_address() + 16) >> 32, load(table + 80), load(Memory.leaf(second)) & ~frameBits)
  result("replace-frame", load(Memory.leaf(first)) & frameBits == Memory.machine(spare(1)) ? 1 : 0)
  Memory.map(first, 0)
  Memory.map(second, 0)

  observeCopies(page)
  observeVersion2(page)
}

private func observeCopies(_ page: UInt) {
  let other = frame(spare(1))
  grant(11, 1, page)
  grant(12, 1, other)
  grant(13, 5, other)
  copy("copy-frames", 0, page, other)
  copy("copy-from-grant", 1, 11, other, from: 0, reference: 11)
  copy("copy-from-own-grant", 1, 11, other, reference: 11)
  copy("copy-to-grant", 2, page, 12, to: 0, reference: 12)
  copy("copy-grants", 3, 11, 12, from: 0, to: 0, reference: 12)
  copy("copy-to-read-only", 2, page, 13, to: 0, reference: 13)
  copy("copy-from-read-only", 3, 13, 12, from: 0, to: 0, reference: 13)
  copy("copy-same", 3, 12, 12, from: 0, to: 0, reference: 12)
  copy("copy-frame-of-domain", 0, page, other, from: 0)
  copy("copy-nobody", 3, 11, 12, from: 0x55, to: 0)
  copy("copy-beyond", 3, 512, 12, from: 0, to: 0)
  copy("copy-unused", 3, 200, 12, from: 0, to: 0)
  copy("copy-bad-frame", 0, 1 << 40, other)
  copy("copy-to-table", 0, page, frame(user_l1_address()))
  copy("copy-from-table", 0, frame(user_l1_address()), frame(user_l2_address()))
  copy("copy-over-end", 0, page, other, at: 0xFFC)
  copy("copy-over-end-of-destination", 0, page, other, onto: 0xFFC)
  copy("copy-at-end", 0, page, other, at: 0xFF8, onto: 0)
  copy("copy-none", 0, page, other, length: 0)
  copy("copy-page", 0, page, other, length: 4096)
  copy("copy-more", 0, page, other, length: 4097)
  // A grant that is in use for reading.
  let handle = map("copy-map", 12, first, Map.host | Map.readOnly)
  copy("copy-to-mapped", 2, page, 12, to: 0, reference: 12)
  // Then its entry is of another page.
  grant(12, 9, page)
  copy("copy-to-changed", 2, page, 12, to: 0, reference: 12)
  copy("copy-from-changed", 1, 12, other, from: 0, reference: 12)
  grant(12, 9, other)
  unmap("copy-unmap", handle, first, 12)

  store(table + 13 * 8, 0)
  func swap(_ name: StaticString, _ one: UInt, _ another: UInt) {
    store(scratch_address(), one | another << 32)
    store(scratch_address() + 8, 0xEEEE)
    let answer = Hypercall.grantTableOperation(Operation.swap, scratch_address(), 1)
    line(name, answer, load(scratch_address() + 8), load(table + 12 * 8), load(table + 13 * 8) & 0xFFFF_FFFF)
  }
  swap("swap", 12, 13)
  swap("swap-beyond", 12, 512)
  let used = map("swap-map", 13, first)
  swap("swap-in-use", 12, 13)
  swap("swap-same-in-use", 13, 13)
  unmap("swap-unmap", used, first, 13)
}

/// Entries of 16 bytes, with the status in frames of its own.
private func observeVersion2(_ page: UInt) {
  store(table + 8, 1 | (page << 32))
  store(table + 16, 0x19 | (page << 32))
  store(table + 10 * 8, 1 | (page << 32))
  let kept = map("version-kept", 10, first)
  result("set-version-2-in-use", Hypercall.grantTableOperation(Operation.setVersion, words(2), 1))
  unmap("version-kept-gone", kept, first, 10)
  result("set-version-2", Hypercall.grantTableOperation(Operation.setVersion, words(2), 1))
  result("set-version-2-value", load(scratch_address()) & 0xFFFF_FFFF)
  result("get-version-2", Hypercall.grantTableOperation(Operation.getVersion, words(0x7FF0), 1))
  result("get-version-2-value", load(scratch_address()) >> 32)
  // struct gnttab_get_status_frames: nr_frames, domain, status, list.
  let list = scratch_address() + 64
  result("status-frames", share(Operation.statusFrames, words(1 | 0x7FF0 << 32, list), list, at: statusWords))
  result("status-frames-status", load(scratch_address()) >> 48)
  result("status-frames-too-many", Hypercall.grantTableOperation(Operation.statusFrames, words(9 | 0x7FF0 << 32, list), 1))
  result("status-frames-too-many-status", load(scratch_address()) >> 48)
  result("kept-entry", load(table + 16) & 0xFFFF_FFFF)
  result("kept-frame", load(table + 24) == page ? 1 : 0)
  result("kept-used-entry", load(table + 32) & 0xFFFF_FFFF)
  result("kept-status", load(statusWords))
  result("cleared-entry", load(table + 160))

  func grant(_ reference: UInt, _ first: UInt, _ last: UInt) {
    store(table + reference * 16, first)
    store(table + reference * 16 + 8, last)
  }
  func status(_ name: StaticString, _ reference: UInt) { result(name, load(statusWords + reference / 4 * 8)) }
  grant(20, 1, page)
  map("map-2-beyond", 256, first)
  let handle = map("map-2", 20, first, entry: Memory.leaf(first))
  status("map-2-status", 20)
  unmap("unmap-2", handle, first, 20)
  status("unmap-2-status", 20)
  grant(21, 1 | 0x100 | 16 << 32 | 32 << 48, page)
  map("map-2-sub-page", 21, first)
  let other = frame(spare(1))
  copy("copy-2-page", 1, 20, other, from: 0)
  copy("copy-2-sub-page", 1, 21, other, from: 0, at: 16)
  copy("copy-2-sub-page-before", 1, 21, other, from: 0, at: 8)
  copy("copy-2-sub-page-behind", 1, 21, other, from: 0, at: 44)
  grant(22, 3 | 0 << 32, 20)
  copy("copy-2-through-self", 1, 22, other, from: 0)
  grant(22, 3 | 0x55 << 32, 20)
  copy("copy-2-through-nobody", 1, 22, other, from: 0)
  map("map-2-transitive", 22, first)
  status("copy-2-status", 20)

  result("set-version-1-status-mapped", Hypercall.grantTableOperation(Operation.setVersion, words(1), 1))
  Memory.map(statusWords, 0)
  store(table + 24, page | 1 << 32)
  result("set-version-1-wide-frame", Hypercall.grantTableOperation(Operation.setVersion, words(1), 1))
  store(table + 24, page)
  store(table + 48, 3)
  result("set-version-1-transitive", Hypercall.grantTableOperation(Operation.setVersion, words(1), 1))
  store(table + 48, 2)
  result("set-version-1-again", Hypercall.grantTableOperation(Operation.setVersion, words(1), 1))
  result("set-version-1-value", load(scratch_address()) & 0xFFFF_FFFF)
  result("kept-entry-1", load(table + 8) & 0xFFFF_FFFF)
  result("kept-used-entry-1", load(table + 16) & 0xFFFF_FFFF)
  result("dropped-entry-1", load(table + 24))
  result("kept-frame-1", load(table + 8) >> 32 == page ? 1 : 0)
  result("status-frames-1", Hypercall.grantTableOperation(Operation.statusFrames, words(1 | 0x7FF0 << 32, list), 1))
  result("status-frames-1-status", load(scratch_address()) >> 48)
}
