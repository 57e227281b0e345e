/// grant_table_op: the table by which a domain lends its pages to others.
///
/// Xen `xen/common/grant_table.c`, `do_grant_table_op`; `xen/include/public/grant_table.h`, GNTTABOP_*.
/// Not modelled: what other domains grant, which is nothing; GNTTABOP_transfer of a page that somebody would take, and that Xen frees a
/// page which nobody takes; GNTTABOP_cache_flush.
extension XenPVComputer {
  func grantTableOp(_ call: HypercallArguments) throws(Errno) -> Int64 {
    let (operation, argument) = (call.first & 0xFFFF_FFFF, call.second)
    let count = UInt32(truncatingIfNeeded: call.third)
    guard count <= Int32.max, operation >> 12 == 0 else { throw .EINVAL }
    switch operation {
    // The size of each structure, and where its status is.
    case 0: return try forEach(call, size: 32, status: 18, isWhole: true) { self.mapGrantReference(&$0) }
    case 1:
      return try forEach(call, size: 24, status: 20) {
        self.unmapGrant($0.field(16), host: $0.field(0), device: $0.field(8), newAddress: 0)
      }
    case 2: try setUpGrantTable(argument, count)
    case 4: return try forEach(call, size: 24, status: 16) { self.statusOfTransfer($0) }
    case 5: return try forEach(call, size: 40, status: 36) { self.copyGrant($0) }
    case 6: try queryGrantTableSize(argument, count)
    case 7:
      return try forEach(call, size: 24, status: 20) {
        self.unmapGrant($0.field(16), host: $0.field(0), device: 0, newAddress: $0.field(8))
      }
    case 8: try setGrantTableVersion(argument)
    case 9: try statusFrames(argument, count)
    case 10:
      var raw = try copyFromGuest(argument, count: 8)
      try checkTarget(raw.field(0))
      raw.setField(4, anyDomain(raw.field(0)) == .own ? domain.grantTable.version : 1)
      try copyToGuest(raw, argument)
    case 11: return try forEach(call, size: 12, status: 8) { self.swapGrants($0) }
    default: throw .ENOSYS
    }
    return 0
  }

  /// Does an array of structures; the guest makes the call again for what is beyond a stretch. The status is written back, or the
  /// `whole` structure.
  private func forEach(
    _ call: HypercallArguments, size: UInt64, status: Int, isWhole: Bool = false,
    _ body: (inout [UInt8]) -> GrantStatus
  ) throws(Errno) -> Int64 {
    let count = call.third & 0xFFFF_FFFF
    guard isAccessible(call.second, count: Int(count * size)) else { throw .EFAULT }
    for index in 0..<count {
      if index == 256 {
        continuation = HypercallArguments(
          number: call.number, [call.first, call.second &+ index * size, count - index])
        return 0
      }
      let at = call.second &+ index * size
      var raw = try copyFromGuest(at, count: Int(size))
      raw.setField(status, body(&raw).bits)
      try copyToGuest(isWhole ? raw : [UInt8](raw[status..<status + 2]), isWhole ? at : at &+ UInt64(status))
    }
    return 0
  }

  private func exists(_ identifier: UInt16) -> Bool {
    identifier == DomainID.own || identifier == domain.identifier || identifier == 0
  }

  /// { u64 mfn; u16 domid; u32 ref @12; s16 status @16... }: a page of one's own goes away, if somebody takes it.
  private func statusOfTransfer(_ raw: [UInt8]) -> GrantStatus {
    guard domain.map.isDomainFrame(raw.field(0)) else { return .badPage }
    return .badDomain
  }

  // MARK: The table itself

  /// { u16 dom; u32 nr_frames @4; s16 status @8; u64 frame_list @16; }
  private func setUpGrantTable(_ argument: UInt64, _ count: UInt32) throws(Errno) {
    guard count == 1 else { throw .EINVAL }
    let raw = try copyFromGuest(argument, count: 24)
    let (identifier, wanted, list): (UInt16, UInt32, UInt64) = (raw.field(0), raw.field(4), raw.field(16))
    guard isAccessible(list, count: Int(wanted) * 8) else { throw .EFAULT }
    var status = GrantStatus.okay
    if !exists(identifier) {
      status = .badDomain
    } else if identifier == 0 && !domain.isPrivileged {
      status = .permissionDenied
    } else if wanted > GrantTable.mostFrames {
      status = .generalError
    } else {
      growGrantTable(to: Int(wanted))
      for index in 0..<UInt64(wanted) {
        if !processor.copyToGuest(littleEndian(domain.map.grantTable + index), list &+ index * 8) {
          status = .badVirtualAddress
        }
      }
    }
    try copyToGuest(littleEndian(status.bits), argument &+ 8)
  }

  /// gnttab_grow_table: more frames are the domain's to map. The table never shrinks.
  func growGrantTable(to frames: Int) {
    domain.grantTable.frames = max(domain.grantTable.frames, frames)
    for index in 0..<UInt64(domain.grantTable.frames) where countInfo(domain.map.grantTable + index) == 0 {
      shareWithGuest(domain.map.grantTable + index)
    }
    if domain.grantTable.version == 2 { populateStatusFrames() }
  }

  // MARK: The version

  private func clearFrame(_ mfn: UInt64) {
    processor.writePhysical([UInt8](repeating: 0, count: 4096), at: mfn << 12)
  }

  /// gnttab_populate_status_frames.
  private func populateStatusFrames() {
    let wanted = GrantTable.statusFrames(for: domain.grantTable.frames)
    for index in domain.grantTable.statusFrames..<max(wanted, domain.grantTable.statusFrames) {
      clearFrame(domain.map.grantStatus + UInt64(index))
      shareWithGuest(domain.map.grantStatus + UInt64(index))
    }
    domain.grantTable.statusFrames = max(wanted, domain.grantTable.statusFrames)
  }

  /// gnttab_unpopulate_status_frames: not while one of them is mapped.
  private func unpopulateStatusFrames() throws(Errno) {
    let frames = (0..<UInt64(domain.grantTable.statusFrames)).map { domain.map.grantStatus + $0 }
    for (index, mfn) in frames.enumerated() {
      putAllocationReference(mfn)
      guard countInfo(mfn) & ~CountInfo.xenHeap != 0 else { continue }
      if getPage(mfn) { setCountInfo(mfn, countInfo(mfn) | CountInfo.allocated) }
      for earlier in frames[..<index] { shareWithGuest(earlier) }
      throw .EBUSY
    }
    for mfn in frames {
      setCountInfo(mfn, 0)
      setTypeInfo(mfn, 0)
    }
    domain.grantTable.statusFrames = 0
  }

  /// GNTTABOP_set_version: the first eight entries are kept in the form of the new version, the others are cleared.
  private func setGrantTableVersion(_ argument: UInt64) throws(Errno) {
    let wanted: UInt32 = try copyFromGuest(argument, count: 4).field(0)
    var failure: Errno?
    do throws(Errno) {
      try changeGrantTable(to: wanted)
    } catch {
      failure = error
    }
    try copyToGuest(littleEndian(domain.grantTable.version), argument)
    if let failure { throw failure }
  }

  private func changeGrantTable(to version: UInt32) throws(Errno) {
    guard version == 1 || version == 2 else { throw .EINVAL }
    guard version != domain.grantTable.version else { return }
    guard !domain.grantTable.isPinned else { throw .EBUSY }
    var kept: [(first: UInt64, frame: UInt64, status: UInt16)] = []
    for reference in 0..<GrantTable.reservedEntries {
      let first = processor.physicalWord(at: grantEntryAddress(reference))
      let (flags, frame) = (UInt16(truncatingIfNeeded: first), grantedFrame(reference))
      if version == 2 {
        let used = flags & (GrantFlags.reading | GrantFlags.writing)
        kept.append((first & 0xFFFF_FFFF & ~UInt64(used), frame, used))
        continue
      }
      let type = flags & GrantFlags.typeMask
      // What does not fit into an entry of version 1.
      if type == GrantFlags.transitive || (type == GrantFlags.permitAccess && frame >> 32 != 0) { throw .ERANGE }
      let header = first & 0xFFFF_FFFF | UInt64(grantStatusWord(reference))
      kept.append(type == GrantFlags.permitAccess ? (header, frame, 0) : (0, 0, 0))
    }
    if version == 2 { populateStatusFrames() } else { try unpopulateStatusFrames() }
    for index in 0..<UInt64(domain.grantTable.frames) { clearFrame(domain.map.grantTable + index) }
    domain.grantTable.version = version
    for (reference, entry) in zip(0..<GrantTable.reservedEntries, kept) {
      let address = grantEntryAddress(reference)
      processor.setPhysicalWord(version == 1 ? entry.first | entry.frame << 32 : entry.first, at: address)
      guard version == 2 else { continue }
      processor.setPhysicalWord(entry.frame, at: address + 8)
      setGrantStatusWord(reference, entry.status)
    }
  }

  /// { u16 dom; u32 nr_frames @4, max_nr_frames; s16 status; }
  private func queryGrantTableSize(_ argument: UInt64, _ count: UInt32) throws(Errno) {
    guard count == 1 else { throw .EINVAL }
    var raw = try copyFromGuest(argument, count: 16)
    let identifier: UInt16 = raw.field(0)
    var status = GrantStatus.okay
    if !exists(identifier) {
      status = .badDomain
    } else if identifier == 0 && !domain.isPrivileged {
      status = .permissionDenied
    } else {
      raw.setField(4, UInt32(domain.grantTable.frames))
      raw.setField(8, UInt32(GrantTable.mostFrames))
    }
    raw.setField(12, status.bits)
    try copyToGuest(raw, argument)
  }

  /// { u32 nr_frames; u16 dom; s16 status; u64 frame_list; }: version 1 has no status frames.
  private func statusFrames(_ argument: UInt64, _ count: UInt32) throws(Errno) {
    guard count == 1 else { throw .EINVAL }
    let raw = try copyFromGuest(argument, count: 16)
    let (wanted, identifier, list): (UInt32, UInt16, UInt64) = (raw.field(0), raw.field(4), raw.field(8))
    guard isAccessible(list, count: Int(wanted) * 8) else { throw .EFAULT }
    var status = GrantStatus.okay
    if !exists(identifier) {
      status = .badDomain
    } else if identifier == 0 && !domain.isPrivileged {
      status = .permissionDenied
    } else if wanted > domain.grantTable.statusFrames {
      status = .generalError
    } else {
      for index in 0..<UInt64(wanted)
      where !processor.copyToGuest(littleEndian(domain.map.grantStatus + index), list &+ index * 8) {
        status = .badVirtualAddress
      }
    }
    try copyToGuest(littleEndian(status.bits), argument &+ 6)
  }

  /// { u32 ref_a, ref_b; s16 status; }: two entries that are not in use change places.
  private func swapGrants(_ raw: [UInt8]) -> GrantStatus {
    let (first, second): (UInt32, UInt32) = (raw.field(0), raw.field(4))
    let table = domain.grantTable
    guard first < table.entries, second < table.entries else { return .badReference }
    guard first != second else { return .okay }
    guard table[first].pin == 0, table[second].pin == 0 else { return .again }
    let (a, b) = (grantEntryAddress(first), grantEntryAddress(second))
    for offset in stride(from: UInt64(0), to: table.version == 1 ? 8 : 16, by: 8) {
      let (old, new) = (processor.physicalWord(at: a + offset), processor.physicalWord(at: b + offset))
      processor.setPhysicalWord(new, at: a + offset)
      processor.setPhysicalWord(old, at: b + offset)
    }
    guard table.version == 2 else { return .okay }
    let (old, new) = (grantStatusWord(first), grantStatusWord(second))
    setGrantStatusWord(first, new)
    setGrantStatusWord(second, old)
    return .okay
  }
}
