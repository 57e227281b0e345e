/// One entry of a page table changes: the new one is checked and counted, then the old one is let go.
///
/// Xen `xen/arch/x86/mm.c`, `mod_l1_entry`, `mod_l2_entry`, `mod_l3_entry`, `mod_l4_entry`; `xen/arch/x86/pv/mm.h`,
/// `update_intpte`; `xen/arch/x86/pv/mm.c`, `map_guest_l1e`.
extension XenPVComputer {
  /// mod_l1_entry. The entry at machine address `address` is in a page that is typed as an L1 table.
  func modifyL1Entry(at address: UInt64, to new: UInt64, keepsAD: Bool = false, _ owner: FrameOwner = .domain)
    throws(Errno)
  {
    let old = processor.physicalWord(at: address)
    memoryWork += 1
    guard new & PageFlags.present != 0 else {
      setEntry(at: address, old: old, new: new, keepsAD: keepsAD)
      return putPageFromL1Entry(old)
    }
    guard new & leafDisallowed == 0 else { throw .EINVAL }
    var entry = PageFlags.adjusted(new, level: .l1Table)
    if (old ^ entry) & ~PageFlags.uncheckedChanges == 0 {
      return setEntry(at: address, old: old, new: entry, keepsAD: keepsAD)
    }
    entry ^= try getPageFromL1Entry(entry, owner)
    setEntry(at: address, old: old, new: entry, keepsAD: keepsAD)
    putPageFromL1Entry(old)
  }

  /// mod_l2_entry, mod_l3_entry and mod_l4_entry, for an entry of the table `table`.
  func modifyEntry(at address: UInt64, to new: UInt64, keepsAD: Bool, in table: UInt64, _ level: PageType)
    throws(Errno)
  {
    let index = (address & 0xFFF) / 8
    guard Self.isGuestSlot(index, level) else { throw .EINVAL }
    let old = processor.physicalWord(at: address)
    memoryWork += 1
    guard new & PageFlags.present != 0 else {
      setEntry(at: address, old: old, new: new, keepsAD: keepsAD)
      return putPage(from: old, in: table)
    }
    guard new & PageFlags.tableDisallowed == 0 else { throw .EINVAL }
    let entry = PageFlags.adjusted(new, level: level)
    if (old ^ entry) & ~PageFlags.uncheckedChanges == 0 {
      return setEntry(at: address, old: old, new: entry, keepsAD: keepsAD)
    }
    try getPage(from: entry, in: table, level)
    setEntry(at: address, old: old, new: entry, keepsAD: keepsAD)
    putPage(from: old, in: table)
  }

  private func setEntry(at address: UInt64, old: UInt64, new: UInt64, keepsAD: Bool) {
    let kept = keepsAD ? old & (PageFlags.accessed | PageFlags.dirty) : 0
    processor.setPhysicalWord(new | kept, at: address)
  }

  /// map_guest_l1e: where the L1 entry of a linear address lies, in the tables of the guest's kernel.
  public func l1EntryAddress(of linear: UInt64) -> UInt64? {
    guard Layout.isGuestAddress(linear) else { return nil }
    var table = domain.vcpu.guestTable & PageFlags.frameMask
    for shift in stride(from: UInt64(39), to: 12, by: -9) {
      let entry = processor.physicalWord(at: table + (linear >> shift & 0x1FF) * 8)
      guard entry & (PageFlags.present | PageFlags.pageSize) == PageFlags.present else { return nil }
      table = entry & PageFlags.frameMask
    }
    return table + (linear >> 12 & 0x1FF) * 8
  }

  /// Whether a frame is a checked table, so that an entry of it may be changed: what page_lock looks at.
  func isLockable(_ mfn: UInt64) -> Bool {
    let info = typeInfo(mfn)
    return info & TypeInfo.validated != 0 && info & TypeInfo.countMask != 0
  }
}
