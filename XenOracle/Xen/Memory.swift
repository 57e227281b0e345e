// The kernel's memory under Xen: machine frames from start_info's list, the user window, page-table pages.
// xen/include/public/xen.h: struct start_info, "mmu_update", "update_va_mapping".

enum Page {
  static let present: UInt = 1 << 0
  static let accessed: UInt = 1 << 5
  static let noExecute: UInt = 1 << 63
  /// A leaf that reads, writes and executes, and a table.
  static let all: UInt = 0x67
  static let readOnly: UInt = 0x65
}

enum Memory {
  static let imageBase: UInt = 0xFFFF_FFFF_8000_0000
  static let userBase: UInt = 0x40_0000
  static let stackTop: UInt = 0x41_1000
  static let window: UInt = 0x42_0000

  /// The machine address of a page of the image: `mfn_list` stands at offset 104 of struct start_info.
  static func machine(_ address: UInt) -> UInt {
    load(load(start_info + 104) + (address - imageBase) / 4096 * 8) * 4096 + address % 4096
  }

  @discardableResult
  static func map(_ address: UInt, _ entry: UInt) -> Int {
    Hypercall.updateVirtualAddressMapping(address, entry, 2)
  }

  @discardableResult
  static func update(_ pointer: UInt, _ value: UInt) -> Int {
    Hypercall.mmuUpdate(words(pointer, value), 1, 0, 0x7FF0)
  }

  /// The kernel's own L4: `pt_base` stands at offset 88.
  static var kernelL4: UInt { load(start_info + 88) }

  /// The entry of the user window's L1 for an address.
  static func leaf(_ address: UInt) -> UInt { user_l1_address() + address / 4096 % 512 * 8 }

  /// Where mmu_update finds that entry.
  static func machineLeaf(_ address: UInt) -> UInt { machine(leaf(address)) }

  static func start() -> Bool {
    map(shared_page_address(), load(start_info + 40) | 0x67)
    vcpu_info = shared_page_address()

    let size = user_size_address()
    var offset: UInt = 0
    while offset < size {
      store(leaf(userBase + offset), machine(user_image_address() + offset) | Page.all)
      offset += 4096
    }
    store(leaf(stackTop - 4096), machine(user_stack_address()) | Page.all)
    store(leaf(window), machine(window_pages_address()) | Page.all)
    store(leaf(window + 0x1000), machine(window_pages_address() + 0x1000) | Page.readOnly)
    store(leaf(window + 0x2000), machine(window_pages_address() + 0x2000) | Page.all | Page.noExecute)
    store(user_l2_address() + (userBase >> 21) * 8, machine(user_l1_address()) | Page.all)
    store(user_l3_address(), machine(user_l2_address()) | Page.all)
    store(user_l4_address(), machine(user_l3_address()) | Page.all)

    let tables: InlineArray<4, UInt> = [
      user_l1_address(), user_l2_address(), user_l3_address(), user_l4_address(),
    ]
    for index in tables.indices {
      let table = tables[index]
      guard map(table, machine(table) | Page.present | Page.accessed) == 0 else { return false }
    }
    guard ExtendedMMU.pinL4(machine(user_l4_address()) >> 12) == 0 else { return false }
    guard ExtendedMMU.newUserBase(machine(user_l4_address()) >> 12) == 0 else { return false }
    // The kernel sees the window at the same addresses.
    return update(machine(kernelL4), machine(user_l3_address()) | Page.all) == 0
  }
}
