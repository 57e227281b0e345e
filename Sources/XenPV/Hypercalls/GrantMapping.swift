/// Grants are mapped and unmapped.
///
/// Xen `xen/common/grant_table.c`, `map_grant_ref`, `unmap_common`, `unmap_common_complete`.
extension XenPVComputer {
  /// GNTTABOP_map_grant_ref. { u64 host_addr; u32 flags, ref; u16 dom; s16 status; u32 handle; u64 dev_bus_addr }
  func mapGrantReference(_ operation: inout [UInt8]) -> GrantStatus {
    let (address, flags): (UInt64, UInt32) = (operation.field(0), operation.field(8))
    let (reference, identifier): (UInt32, UInt16) = (operation.field(12), operation.field(16))
    let readOnly = flags & GrantMap.readOnly != 0
    var pin: UInt32 = 0
    if flags & GrantMap.device != 0 { pin += readOnly ? ActiveGrant.deviceRead : ActiveGrant.deviceWrite }
    if flags & GrantMap.host != 0 { pin += readOnly ? ActiveGrant.hostRead : ActiveGrant.hostWrite }
    guard pin != 0 else { return .badReference }
    guard let owner = grantOwner(identifier) else { return .badDomain }
    guard let handle = domain.grantTable.mappings.take() else { return .noSpace }
    do throws(GrantStatus) {
      guard owner == .own else { throw reference < 512 ? .generalError : .badReference }
      let mfn = try pinGrant(reference, pin, readOnly: readOnly, maps: true)
      do throws(GrantStatus) {
        try mapGrantedFrame(mfn, address, flags)
      } catch {
        domain.grantTable[reference].pin -= pin
        reduceGrantUse(reference, readOnly: readOnly)
        throw error
      }
      domain.grantTable.mappings[handle] = .init(flags: flags, reference: reference, domain: identifier)
      operation.setField(20, handle)
      operation.setField(24, mfn << 12)
      return .okay
    } catch {
      domain.grantTable.mappings.put(handle)
      return error
    }
  }

  /// What mapping and copying share: the grant is checked and counted. Returns its frame, to which the caller has a reference.
  func pinGrant(_ reference: UInt32, _ pin: UInt32, readOnly: Bool, maps: Bool) throws(GrantStatus) -> UInt64 {
    guard reference < domain.grantTable.entries else { throw .badReference }
    var active = domain.grantTable[reference]
    // The counters do not wrap; a part of a page is not mapped.
    if active.pin != 0 {
      guard active.domain == domain.identifier, active.pin & pin << 7 == 0, !maps || !active.isSubPage else {
        throw .generalError
      }
    }
    let isNewUse = active.pin == 0 || (!readOnly && !active.isWritten)
    if isNewUse { try useGrant(reference, readOnly: readOnly, maps: maps) }
    do throws(GrantStatus) {
      if active.pin == 0 {
        active = try describeGrant(reference)
        guard getPage(active.frame) else { throw .badPage }
      } else {
        // The first copy to a page that was only read looks at the entry again, which must not be another page's by now.
        if isNewUse && !maps {
          let frame = try describeGrant(reference).frame
          guard isOwn(frame), countInfo(frame) & CountInfo.countMask != 0 else { throw .badPage }
          guard frame == active.frame else { throw .generalError }
        }
        guard getPage(active.frame) else { throw maps ? .generalError : .badDomain }
      }
    } catch {
      reduceGrantUse(reference, readOnly: readOnly)
      throw error
    }
    active.pin += pin
    domain.grantTable[reference] = active
    return active.frame
  }

  /// What the entry grants, to one who is about to use it.
  private func describeGrant(_ reference: UInt32) throws(GrantStatus) -> ActiveGrant {
    var active = ActiveGrant()
    active.domain = domain.identifier
    active.length = 4096
    active.frame = grantedFrame(reference)
    guard domain.grantTable.version == 2 else { return active }
    let first = processor.physicalWord(at: grantEntryAddress(reference))
    let flags = UInt16(truncatingIfNeeded: first)
    // A grant of a grant: of none of one's own, and nobody else grants anything.
    guard flags & GrantFlags.typeMask != GrantFlags.transitive else {
      let through = UInt16(truncatingIfNeeded: first >> 32)
      let reference = UInt32(truncatingIfNeeded: processor.physicalWord(at: grantEntryAddress(reference) + 8))
      throw grantOwner(through) == .other && reference >= 512 ? .badReference : .generalError
    }
    if flags & GrantFlags.subPage != 0 {
      active.isSubPage = true
      active.start = Int(first >> 32 & 0xFFFF)
      active.length = Int(first >> 48)
    }
    return active
  }

  /// Makes the mapping, of a frame to which there is one reference already. It goes if that fails.
  private func mapGrantedFrame(_ mfn: UInt64, _ address: UInt64, _ flags: UInt32) throws(GrantStatus) {
    let writable = flags & GrantMap.readOnly == 0
    let (maps, isDevice) = (flags & GrantMap.host != 0, flags & GrantMap.device != 0)
    var (references, types) = (1, 0)
    do throws(GrantStatus) {
      func takeType() throws(GrantStatus) {
        guard (try? getPageType(mfn, .writable)) != nil else { throw .generalError }
        types += 1
      }
      if isDevice && writable { try takeType() }
      guard maps else { return }
      if isDevice {
        guard getPage(mfn) else { throw .generalError }
        references += 1
      }
      if writable { try takeType() }
      try createGrantMapping(address, mfn, flags)
    } catch {
      for _ in 0..<types { putPageType(mfn) }
      for _ in 0..<references { putPage(mfn) }
      throw error
    }
  }

  /// GNTTABOP_unmap_grant_ref and GNTTABOP_unmap_and_replace. An address that is zero leaves that mapping as it is.
  func unmapGrant(_ handle: UInt32, host: UInt64, device: UInt64, newAddress: UInt64) -> GrantStatus {
    var mapping = domain.grantTable.mappings[handle]
    let flags = mapping.flags
    guard flags != 0, mapping.reference < domain.grantTable.entries else { return .badHandle }
    let mfn = domain.grantTable[mapping.reference].frame
    let unmapsHost = host != 0 && flags & GrantMap.host != 0
    let unmapsDevice = device != 0 && flags & GrantMap.device != 0
    if unmapsDevice && device != mfn << 12 { return .badDeviceAddress }
    if unmapsHost {
      do throws(GrantStatus) {
        try replaceGrantMapping(host, mfn, newAddress: newAddress, flags)
      } catch {
        return error
      }
      mapping.flags &= ~GrantMap.host
    }
    if unmapsDevice { mapping.flags &= ~GrantMap.device }
    if mapping.flags & (GrantMap.host | GrantMap.device) == 0 {
      domain.grantTable.mappings.put(handle)
    } else {
      domain.grantTable.mappings[handle] = mapping
    }
    guard unmapsHost || unmapsDevice else { return .okay }
    processor.flushGuestTranslations()
    let readOnly = flags & GrantMap.readOnly != 0
    func complete(_ pin: UInt32) {
      if !readOnly { putPageType(mfn) }
      putPage(mfn)
      domain.grantTable[mapping.reference].pin -= pin
    }
    if unmapsDevice { complete(readOnly ? ActiveGrant.deviceRead : ActiveGrant.deviceWrite) }
    if unmapsHost { complete(readOnly ? ActiveGrant.hostRead : ActiveGrant.hostWrite) }
    reduceGrantUse(mapping.reference, readOnly: readOnly)
    return .okay
  }
}
