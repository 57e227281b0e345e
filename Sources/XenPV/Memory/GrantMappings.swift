/// Entries of page tables that map a grant.
///
/// Xen `xen/arch/x86/pv/grant_table.c`, `create_grant_pv_mapping`, `replace_grant_pv_mapping`, `steal_linear_address`.
extension XenPVComputer {
  /// grant_to_pte_flags and adjust_guest_l1e. _PAGE_GNTTAB is zero in a release build.
  private func grantEntry(_ mfn: UInt64, _ flags: UInt32) -> UInt64 {
    var entry = PageFlags.present | PageFlags.accessed | PageFlags.dirty | PageFlags.noExecute
    if flags & GrantMap.application != 0 { entry |= PageFlags.user }
    if flags & GrantMap.readOnly == 0 { entry |= PageFlags.writable }
    entry |= UInt64(flags >> GrantMap.available) << 9 & PageFlags.available
    return PageFlags.adjusted(mfn << 12 & PageFlags.frameMask | entry, level: .l1Table)
  }

  /// The L1 entry at a linear address, or at a machine address with GNTMAP_contains_pte; nil where it is not in an L1 table of the
  /// domain's that is in use.
  private func grantEntryAddress(_ address: UInt64, isEntry: Bool) -> UInt64? {
    guard !isEntry || address & 7 == 0, let place = isEntry ? address : l1EntryAddress(of: address) else { return nil }
    let table = place >> 12
    guard getPage(table) else { return nil }
    defer { putPage(table) }
    return isLockable(table) && typeInUse(table) == .l1Table ? place : nil
  }

  /// create_grant_host_mapping. The references of the new entry are the caller's.
  func createGrantMapping(_ address: UInt64, _ mfn: UInt64, _ flags: UInt32) throws(GrantStatus) {
    guard let place = grantEntryAddress(address, isEntry: flags & GrantMap.containsEntry != 0) else {
      throw .generalError
    }
    let old = processor.physicalWord(at: place)
    processor.setPhysicalWord(grantEntry(mfn, flags), at: place)
    putPageFromL1Entry(old)
  }

  /// replace_grant_host_mapping: the entry is zero from now on, or, where `newAddress` is not, what was there, which is then zero. The
  /// references of the old entry are the caller's.
  func replaceGrantMapping(_ address: UInt64, _ mfn: UInt64, newAddress: UInt64, _ flags: UInt32) throws(GrantStatus) {
    let isEntry = flags & GrantMap.containsEntry != 0
    guard newAddress == 0 || !isEntry else { throw .generalError }
    var new: UInt64 = 0
    if newAddress != 0 {
      guard let stolen = grantEntryAddress(newAddress, isEntry: false) else { throw .generalError }
      new = processor.physicalWord(at: stolen)
      processor.setPhysicalWord(0, at: stolen)
    }
    let mustAgree = PageFlags.frameMask | PageFlags.present | PageFlags.writable
    guard let place = grantEntryAddress(address, isEntry: isEntry),
      (processor.physicalWord(at: place) ^ grantEntry(mfn, flags)) & mustAgree == 0
    else {
      putPageFromL1Entry(new)
      throw .generalError
    }
    processor.setPhysicalWord(new, at: place)
  }
}
