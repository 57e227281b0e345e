// Pages: what the kernel hands out, and where the platform sees them. All of them lie in the image, which is mapped at VIRT_BASE
// plus the physical address on both platforms. xen/include/public/xen.h: struct start_info, "update_va_mapping".

enum Page {
  static let present: UInt = 1 << 0
  static let writable: UInt = 1 << 1
  static let user: UInt = 1 << 2
  static let noExecute: UInt = 1 << 63
  /// A leaf that reads and writes, and a table: present, writable, user, accessed, dirty.
  static let all: UInt = 0x67
  static let readOnly: UInt = 0x61
  static let addressMask: UInt = 0x000F_FFFF_FFFF_F000
}

enum Memory {
  static let imageBase: UInt = 0xFFFF_FFFF_8000_0000

  /// The address that page tables hold. `mfn_list` stands at offset 104 of struct start_info.
  static func machine(_ address: UInt) -> UInt {
    guard kernel.on_xen != 0 else { return address - imageBase }
    return load(load(kernel.start_info + 104) + (address - imageBase) / 4096 * 8) * 4096 + address % 4096
  }

  /// Xen alone: where the kernel sees a frame of its own, by the machine-to-physical table at HYPERVISOR_VIRT_START.
  static func virtual(frame: UInt) -> UInt { imageBase + load(0xFFFF_8000_0000_0000 + frame * 8) * 4096 }

  /// Xen alone: changes the kernel's mapping of a page of its own.
  static func remap(_ address: UInt, _ entry: UInt) {
    // UVMF_INVLPG.
    if Hypercall.updateVirtualAddressMapping(address, entry, 2) != 0 { panic("update_va_mapping", address) }
  }

  // MARK: The arena

  /// A page of zeros. Free pages are chained by their first words.
  static func take() -> UInt {
    let page = kernel.free_page
    if page != 0 {
      kernel.free_page = load(page)
    } else {
      if kernel.next_page == 0 { kernel.next_page = arena_address() }
      guard kernel.next_page < arena_end_address() else { panic("out of memory") }
      kernel.next_page += 4096
      return kernel.next_page - 4096
    }
    clear(page, 4096)
    return page
  }

  static func give(_ page: UInt) {
    store(page, kernel.free_page)
    kernel.free_page = page
  }
}
