/// Bytes are copied between pages that are granted, or one's own.
///
/// Xen `xen/common/grant_table.c`, `gnttab_copy_one`, `gnttab_copy_claim_buf`, `acquire_grant_for_copy`, `gnttab_copy_buf`.
/// Not modelled: that a call of several copies holds on to the pages of the last one.

/// One end of a copy, { u64 ref or gmfn; u16 domid, offset }.
private struct CopyEnd {
  var name: UInt64
  var domain: UInt16
  var offset: Int
  var isGrant: Bool
  var readOnly: Bool
  /// What of the page may be copied.
  var frame: UInt64 = 0
  var start = 0
  var length = 4096

  var reference: UInt32 { UInt32(truncatingIfNeeded: name) }
}

extension XenPVComputer {
  /// GNTTABOP_copy: source and destination, then { u16 len, flags; s16 status }.
  func copyGrant(_ operation: [UInt8]) -> GrantStatus {
    let flags: UInt16 = operation.field(34)
    let length = Int(operation.field(32) as UInt16)
    func end(_ at: Int, _ isGrant: Bool, readOnly: Bool) -> CopyEnd {
      CopyEnd(
        name: operation.field(at), domain: operation.field(at + 8), offset: Int(operation.field(at + 10) as UInt16),
        isGrant: isGrant, readOnly: readOnly)
    }
    var source = end(0, flags & 1 != 0, readOnly: true)
    var destination = end(16, flags & 2 != 0, readOnly: false)
    do throws(GrantStatus) {
      try checkOwner(source)
      try checkOwner(destination)
      try claim(&source)
      defer { release(source) }
      try claim(&destination)
      defer { release(destination) }
      guard source.offset + length <= 4096, destination.offset + length <= 4096 else { throw .badCopyArgument }
      for side in [source, destination] {
        guard side.offset >= side.start, side.offset + length <= side.start + side.length else { throw .generalError }
      }
      let from = source.frame << 12 + UInt64(source.offset)
      guard let bytes = processor.physicalBytes(at: from, count: length) else { throw .badPage }
      processor.writePhysical(bytes[...], at: destination.frame << 12 + UInt64(destination.offset))
      return .okay
    } catch {
      return error
    }
  }

  /// gnttab_copy_lock_domain: without a grant only one's own pages can be named.
  private func checkOwner(_ end: CopyEnd) throws(GrantStatus) {
    guard end.isGrant || end.domain == DomainIdentifier.own else { throw .permissionDenied }
    guard end.domain == DomainIdentifier.own || grantOwner(end.domain) != nil else { throw .badDomain }
  }

  private func claim(_ end: inout CopyEnd) throws(GrantStatus) {
    if end.isGrant {
      let isOwn = end.domain == DomainIdentifier.own || grantOwner(end.domain) == .own
      guard isOwn else { throw end.reference < 512 ? .generalError : .badReference }
      let pin = end.readOnly ? ActiveGrant.hostRead : ActiveGrant.hostWrite
      end.frame = try pinGrant(end.reference, pin, readOnly: end.readOnly, maps: false)
      let active = domain.grantTable[end.reference]
      (end.start, end.length) = (active.start, active.length)
    } else {
      guard getPage(end.name) else { throw .badPage }
      end.frame = end.name
    }
    guard end.readOnly || (try? getPageType(end.frame, .writable)) != nil else {
      unpin(end)
      throw .generalError
    }
  }

  /// gnttab_copy_release_buf.
  private func release(_ end: CopyEnd) {
    if !end.readOnly { putPageType(end.frame) }
    unpin(end)
  }

  private func unpin(_ end: CopyEnd) {
    putPage(end.frame)
    guard end.isGrant else { return }
    domain.grantTable[end.reference].pin -= end.readOnly ? ActiveGrant.hostRead : ActiveGrant.hostWrite
    reduceGrantUse(end.reference, readOnly: end.readOnly)
  }
}
