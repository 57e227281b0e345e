// A task's address space: the list of its pages, and page tables made from it. Kernel and user run on one L4 each, which share
// everything below 2^47; Xen tells the two apart, and so does a design with page-table isolation. Under Xen tables are read-only once they are in use, and changed by
// mmu_update (xen/include/public/xen.h, "mmu_update").

enum Mapping {
  // The low bits of a mapping's address.
  static let writable: UInt = 1
  static let executable: UInt = 2
  /// The page is the kernel's and is not given back.
  static let shared: UInt = 4
  /// A page table.
  static let table: UInt = 8
}

enum AddressSpace {
  private static let userEnd: UInt = 1 << 47

  /// The two top tables.
  static func create(_ task: UnsafeMutablePointer<task>) {
    task.pointee.kernel_l4 = addTable(task)
    task.pointee.user_l4 = addTable(task)
    let top = kernel.on_xen != 0 ? load(kernel.start_info + 88) : boot_l4_address()
    store(task.pointee.kernel_l4 + 511 * 8, load(top + 511 * 8))
    if kernel.on_xen == 0 { store(task.pointee.user_l4 + 511 * 8, KernelSpace.userEntry(load(top + 511 * 8))) }
  }

  private static func addTable(_ task: UnsafeMutablePointer<task>) -> UInt {
    let page = Memory.take()
    add(task, Mapping.table, page)
    return page
  }

  private static func add(_ task: UnsafeMutablePointer<task>, _ address: UInt, _ page: UInt) {
    guard task.pointee.mapped < UInt(MAPPINGS) else { panic("too many pages in a task") }
    mapping_of(task, task.pointee.mapped).pointee = mapping(address: address, page: page)
    task.pointee.mapped += 1
  }

  /// Where the kernel sees a byte of the user's; 0 where nothing is mapped, or not so.
  static func find(_ task: UnsafeMutablePointer<task>, _ address: UInt, toWrite: Bool) -> UInt {
    for index in 0..<task.pointee.mapped {
      let mapping = mapping_of(task, index).pointee
      guard mapping.address & ~4095 == address & ~4095, mapping.address & Mapping.table == 0 else { continue }
      return toWrite && mapping.address & Mapping.writable == 0 ? 0 : mapping.page + address % 4096
    }
    return 0
  }

  /// Maps one page. `isLive` once the tables are in use.
  static func map(_ task: UnsafeMutablePointer<task>, _ address: UInt, _ page: UInt, isLive: Bool) {
    add(task, address, page)
    var entry = Memory.machine(page) | Page.all
    if address & Mapping.writable == 0 { entry &= ~Page.writable }
    if address & Mapping.executable == 0 { entry |= Page.noExecute }
    set(leaf(task, address, isLive), entry, isLive)
  }

  /// Where the entry of an address stands; tables that lack are made.
  private static func leaf(_ task: UnsafeMutablePointer<task>, _ address: UInt, _ isLive: Bool) -> UInt {
    var table = task.pointee.kernel_l4
    var shift: UInt = 39
    while shift > 12 {
      let entry = table + (address >> shift) % 512 * 8
      var next = child(task, entry)
      if next == 0 {
        next = addTable(task)
        if isLive && kernel.on_xen != 0 { Memory.remap(next, Memory.machine(next) | Page.readOnly) }
        let value = Memory.machine(next) | Page.all
        set(entry, value, isLive)
        if shift == 39 { set(task.pointee.user_l4 + (address >> 39) % 512 * 8, value, isLive) }
      }
      table = next
      shift -= 9
    }
    return table + (address >> 12) % 512 * 8
  }

  /// The table that an entry names, found among the task's own.
  private static func child(_ task: UnsafeMutablePointer<task>, _ entry: UInt) -> UInt {
    let value = load(entry) & Page.addressMask
    guard value != 0 else { return 0 }
    for index in 0..<task.pointee.mapped {
      let mapping = mapping_of(task, index).pointee
      if mapping.address & Mapping.table != 0, Memory.machine(mapping.page) == value { return mapping.page }
    }
    panic("a page table is lost", entry)
  }

  private static func set(_ entry: UInt, _ value: UInt, _ isLive: Bool) {
    guard isLive && kernel.on_xen != 0 else {
      store(entry, value)
      return
    }
    if Hypercall.mmuUpdate(words(Memory.machine(entry), value), 1, 0, 0x7FF0) != 0 { panic("mmu_update", value) }
  }

  static func unmap(_ task: UnsafeMutablePointer<task>, _ address: UInt) {
    for index in 0..<task.pointee.mapped {
      let mapping = mapping_of(task, index).pointee
      guard mapping.address & ~4095 == address & ~4095, mapping.address & Mapping.table == 0 else { continue }
      set(leaf(task, address, true), 0, true)
      flush()
      if mapping.address & Mapping.shared == 0 { Memory.give(mapping.page) }
      task.pointee.mapped -= 1
      mapping_of(task, index).pointee = mapping_of(task, task.pointee.mapped).pointee
      return
    }
  }

  private static func flush() {
    if kernel.on_xen != 0 {
      ExtendedMMU.flushLocal()
    } else {
      use(Task.current)
    }
  }

  /// Makes the tables fit for use: under Xen read-only, and pinned.
  static func finish(_ task: UnsafeMutablePointer<task>) {
    guard kernel.on_xen != 0 else { return }
    setTables(task, Page.readOnly)
    guard ExtendedMMU.pinL4(Memory.machine(task.pointee.kernel_l4) >> 12) == 0,
      ExtendedMMU.pinL4(Memory.machine(task.pointee.user_l4) >> 12) == 0
    else { panic("pin") }
  }

  private static func setTables(_ task: UnsafeMutablePointer<task>, _ flags: UInt) {
    for index in 0..<task.pointee.mapped {
      let mapping = mapping_of(task, index).pointee
      guard mapping.address & Mapping.table != 0 else { continue }
      Memory.remap(mapping.page, Memory.machine(mapping.page) | flags)
    }
  }

  /// The task runs on them.
  static func use(_ task: UnsafeMutablePointer<task>) {
    let machine = Memory.machine(task.pointee.kernel_l4)
    guard kernel.on_xen != 0 else {
      KernelSpace.use(task)
      write_cr3(machine)
      return
    }
    guard ExtendedMMU.newBase(machine >> 12) == 0,
      ExtendedMMU.newUserBase(Memory.machine(task.pointee.user_l4) >> 12) == 0
    else { panic("new_baseptr") }
  }

  /// Gives everything back; nobody runs on it any more.
  static func destroy(_ task: UnsafeMutablePointer<task>) {
    if kernel.on_xen != 0 {
      ExtendedMMU.unpin(Memory.machine(task.pointee.kernel_l4) >> 12)
      ExtendedMMU.unpin(Memory.machine(task.pointee.user_l4) >> 12)
      setTables(task, Page.all & ~Page.user)
    }
    for index in 0..<task.pointee.mapped {
      let mapping = mapping_of(task, index).pointee
      if mapping.address & Mapping.shared == 0 { Memory.give(mapping.page) }
    }
    task.pointee.mapped = 0
  }

  /// A copy of everything, for a new task.
  static func copy(_ from: UnsafeMutablePointer<task>, to task: UnsafeMutablePointer<task>) {
    create(task)
    for index in 0..<from.pointee.mapped {
      let mapping = mapping_of(from, index).pointee
      guard mapping.address & Mapping.table == 0 else { continue }
      var page = mapping.page
      if mapping.address & Mapping.shared == 0 {
        page = Memory.take()
        copy_bytes(page, mapping.page, 4096)
      }
      map(task, mapping.address, page, isLive: false)
    }
    finish(task)
  }
}

/// What the user's pointers lead to, a page at a time; false where they lead nowhere.
enum User {
  static func read(_ to: UInt, _ address: UInt, _ count: UInt) -> Bool { move(to, address, count, toUser: false) }
  static func write(_ address: UInt, _ from: UInt, _ count: UInt) -> Bool { move(from, address, count, toUser: true) }

  private static func move(_ own: UInt, _ address: UInt, _ count: UInt, toUser: Bool) -> Bool {
    var done: UInt = 0
    while done < count {
      let at = address &+ done
      let place = AddressSpace.find(Task.current, at, toWrite: toUser)
      guard place != 0 else { return false }
      let part = min(count - done, 4096 - at % 4096)
      if toUser { copy_bytes(place, own + done, part) } else { copy_bytes(own + done, place, part) }
      done += part
    }
    return true
  }
}

