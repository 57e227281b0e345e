/// The entries of a grant table: what they say, and how their use is told to the guest.
///
/// Xen `xen/common/grant_table.c`, `_set_status_v1`, `_set_status_v2`, `reduce_status_for_pin`.

/// Whose table: another domain than the guest has one of a single frame in which nothing is granted.
enum GrantOwner {
  case own
  case other
}

extension XenPVComputer {
  /// rcu_lock_domain_by_id: nil where there is no such domain.
  func grantOwner(_ identifier: UInt16) -> GrantOwner? {
    if identifier == domain.identifier { return .own }
    return identifier == 0 ? .other : nil
  }

  // MARK: Words of the table

  func grantEntryAddress(_ reference: UInt32) -> UInt64 {
    domain.map.grantTable << 12 + UInt64(reference) * (domain.grantTable.version == 1 ? 8 : 16)
  }

  /// A u16 of a table that the guest shares.
  private func half(at address: UInt64) -> UInt16 {
    UInt16(truncatingIfNeeded: processor.physicalWord(at: address & ~7) >> ((address & 7) * 8))
  }

  private func setHalf(_ value: UInt16, at address: UInt64) {
    let shift = (address & 7) * 8
    let word = processor.physicalWord(at: address & ~7)
    processor.setPhysicalWord(word & ~(0xFFFF << shift) | UInt64(value) << shift, at: address & ~7)
  }

  /// Where GTF_reading and GTF_writing are.
  private func grantStatusAddress(_ reference: UInt32) -> UInt64 {
    domain.grantTable.version == 1
      ? grantEntryAddress(reference) : domain.map.grantStatus << 12 + UInt64(reference) * 2
  }

  func grantStatusWord(_ reference: UInt32) -> UInt16 { half(at: grantStatusAddress(reference)) }
  func setGrantStatusWord(_ reference: UInt32, _ word: UInt16) { setHalf(word, at: grantStatusAddress(reference)) }

  /// The frame of a grant of a page or of a part of one.
  func grantedFrame(_ reference: UInt32) -> UInt64 {
    let address = grantEntryAddress(reference)
    return domain.grantTable.version == 1
      ? processor.physicalWord(at: address) >> 32 : processor.physicalWord(at: address + 8)
  }

  // MARK: Use

  /// _set_status: the grant is checked, unless it is in use already, and marked as used.
  func useGrant(_ reference: UInt32, readOnly: Bool, maps: Bool) throws(GrantStatus) {
    let first = processor.physicalWord(at: grantEntryAddress(reference))
    let (flags, identifier) = (UInt16(truncatingIfNeeded: first), UInt16(truncatingIfNeeded: first >> 16))
    if domain.grantTable[reference].pin == 0 {
      // A part of a page cannot be mapped, nor a grant of a grant.
      let type = flags & (GrantFlags.typeMask | (maps ? GrantFlags.subPage : 0))
      let isTransitive = domain.grantTable.version == 2 && !maps && type == GrantFlags.transitive
      guard type == GrantFlags.permitAccess || isTransitive, identifier == domain.identifier else {
        throw .generalError
      }
    }
    guard readOnly || flags & GrantFlags.readOnly == 0 else { throw .generalError }
    let used = GrantFlags.reading | (readOnly ? 0 : GrantFlags.writing)
    setGrantStatusWord(reference, grantStatusWord(reference) | used)
  }

  /// reduce_status_for_pin: the marks that nobody's use calls for any more are taken away.
  func reduceGrantUse(_ reference: UInt32, readOnly: Bool) {
    let active = domain.grantTable[reference]
    var unused = active.pin == 0 ? GrantFlags.reading : 0
    if !readOnly && !active.isWritten { unused |= GrantFlags.writing }
    if unused != 0 { setGrantStatusWord(reference, grantStatusWord(reference) & ~unused) }
  }
}
