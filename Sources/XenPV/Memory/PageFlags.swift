/// Bits of page-table entries, and which of them a guest may set.
///
/// Xen `xen/arch/x86/include/asm/page.h`, `xen/arch/x86/mm.c`, `L1_DISALLOW_MASK`, `xen/arch/x86/pv/mm.h`,
/// `adjust_guest_l1e`.

enum PageFlags {
  static let present: UInt64 = 1 << 0
  static let writable: UInt64 = 1 << 1
  static let user: UInt64 = 1 << 2
  static let writeThrough: UInt64 = 1 << 3
  static let cacheDisable: UInt64 = 1 << 4
  static let accessed: UInt64 = 1 << 5
  static let dirty: UInt64 = 1 << 6
  /// _PAGE_PAT in an L1 entry.
  static let pageSize: UInt64 = 1 << 7
  static let global: UInt64 = 1 << 8
  static let available: UInt64 = 7 << 9
  static let availableHigh: UInt64 = 0x7FF << 52
  static let noExecute: UInt64 = 1 << 63
  /// _PAGE_GUEST_KERNEL: what Xen marks a guest kernel's own page with.
  static let guestKernel: UInt64 = 1 << 52
  static let cacheAttributes = writeThrough | cacheDisable | pageSize
  static let frameMask: UInt64 = 0x000F_FFFF_FFFF_F000

  /// What no entry above the lowest level may have: base_disallow_mask.
  static let tableDisallowed =
    ~(present | writable | user | accessed | dirty | available | availableHigh | noExecute | frameMask)
  /// L1_DISALLOW_MASK.
  static let leafDisallowed = tableDisallowed & ~global
  /// FASTPATH_FLAG_WHITELIST: what may change without the entry being checked again.
  static let uncheckedChanges = noExecute | availableHigh | available | global | dirty | accessed | user

  /// For entries of Xen's own: __PAGE_HYPERVISOR_RW and __PAGE_HYPERVISOR_RO.
  static let hypervisor = present | writable | accessed | dirty | noExecute
  static let hypervisorReadOnly = present | accessed | dirty | noExecute

  static func frame(_ entry: UInt64) -> UInt64 { (entry & frameMask) >> 12 }

  /// adjust_guest_l1e and its like for the other levels: the bits that Xen adds to what the guest wrote.
  static func adjusted(_ entry: UInt64, level: PageType) -> UInt64 {
    guard entry & present != 0 else { return entry }
    switch level {
    case .l1Table:
      var result = entry
      if result & user == 0 { result |= guestKernel | user }
      if result & guestKernel == 0 { result |= global | user }
      return result
    case .l4Table: return entry | accessed | user
    default: return entry | user
    }
  }
}

extension XenPVComputer {
  /// l1_disallow_mask: a domain that may reach devices chooses cache attributes as well.
  var leafDisallowed: UInt64 {
    domain.isPrivileged ? PageFlags.leafDisallowed & ~PageFlags.cacheAttributes : PageFlags.leafDisallowed
  }
}
