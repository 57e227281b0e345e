/// grant_table_op: the table by which a domain lends its pages to others.
///
/// Xen `xen/common/grant_table.c`, `do_grant_table_op`; `xen/include/public/grant_table.h`, GNTTABOP_*.
/// Not modelled: borrowing (there is no other domain that lends): mapping, copying and transferring fail for each reference as
/// Xen fails for a bad one; version 2 of the table, which is refused as by a Xen that was started with gnttab=max-ver:1.

/// What Xen keeps of a domain's grant table; the entries are in the frames that it shares with the domain.
public struct GrantTable: Sendable, Codable, Hashable {
  /// Frames in use; a domain starts with one.
  var frames = 1
  /// opt_max_grant_frames.
  static let mostFrames = 64
  static let entriesPerFrame: UInt32 = 4096 / 8
}

/// GNTST_*.
private enum GrantStatus: Int16 {
  case okay = 0
  case generalError = -1
  case badDomain = -2
  case badReference = -3
  case badHandle = -4
  case permissionDenied = -8
  case badPage = -9

  var bits: UInt16 { UInt16(bitPattern: rawValue) }
}

extension XenPVComputer {
  func grantTableOp(_ call: HypercallArguments) throws(Errno) -> Int64 {
    let (operation, argument) = (call.first & 0xFFFF_FFFF, call.second)
    let count = UInt32(truncatingIfNeeded: call.third)
    guard count <= Int32.max, operation >> 20 == 0 else { throw .EINVAL }
    switch operation {
    // The size of each structure, where its status is, and what it says of one that names no grant.
    case 0: return try forEach(call, size: 32, status: 18) { self.statusOfMapping($0) }
    case 1: return try forEach(call, size: 24, status: 20) { _ in .badHandle }
    case 2: try setUpGrantTable(argument, count)
    case 4: return try forEach(call, size: 24, status: 16) { self.statusOfTransfer($0) }
    case 5: return try forEach(call, size: 40, status: 36) { self.statusOfCopy($0) }
    case 6: try queryGrantTableSize(argument, count)
    case 7: return try forEach(call, size: 24, status: 20) { _ in .badHandle }
    case 8:
      let version: UInt32 = try copyFromGuest(argument, count: 4).field(0)
      try copyToGuest(littleEndian(UInt32(1)), argument)
      if version != 1 { throw version == 2 ? .ENOSYS : .EINVAL }
    case 9: try statusFrames(argument, count)
    case 10:
      var raw = try copyFromGuest(argument, count: 8)
      try checkTarget(raw.field(0))
      raw.setField(4, UInt32(1))
      try copyToGuest(raw, argument)
    case 11: return try forEach(call, size: 12, status: 8) { self.swapGrants($0) }
    default: throw .ENOSYS
    }
    return 0
  }

  /// Does an array of structures; the guest makes the call again for what is beyond a stretch.
  private func forEach(
    _ call: HypercallArguments, size: UInt64, status: Int, _ body: ([UInt8]) -> GrantStatus
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
      let raw = try copyFromGuest(at, count: Int(size))
      try copyToGuest(littleEndian(body(raw).bits), at &+ UInt64(status))
    }
    return 0
  }

  private func exists(_ identifier: UInt16) -> Bool {
    identifier == DomainID.own || identifier == domain.identifier || identifier == 0
  }

  /// { u64 host_addr; u32 flags, ref; u16 dom; ... }
  private func statusOfMapping(_ raw: [UInt8]) -> GrantStatus {
    // GNTMAP_device_map or GNTMAP_host_map.
    guard (raw.field(8) as UInt32) & 3 != 0 else { return .badReference }
    return exists(raw.field(16)) ? .badReference : .badDomain
  }

  /// { u64 mfn; u16 domid; u32 ref @12; s16 status @16... }: a page of one's own goes away, if somebody takes it.
  private func statusOfTransfer(_ raw: [UInt8]) -> GrantStatus {
    guard domain.map.isDomainFrame(raw.field(0)) else { return .badPage }
    return .badDomain
  }

  /// Source and destination { u64 ref or gmfn; u16 domid, offset; }, then { u16 len, flags; s16 status; }.
  private func statusOfCopy(_ raw: [UInt8]) -> GrantStatus {
    let flags: UInt16 = raw.field(34)
    for (end, usesReference) in [(0, flags & 1 != 0), (16, flags & 2 != 0)] {
      let identifier: UInt16 = raw.field(end + 8)
      if !exists(identifier) { return .badDomain }
      // Without a grant only one's own pages can be named.
      if !usesReference && identifier != DomainID.own { return .permissionDenied }
    }
    return flags & 3 == 0 ? .badPage : .badReference
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
        // GNTST_bad_virt_addr.
        guard processor.copyToGuest(littleEndian(domain.map.grantTable + index), list &+ index * 8) else {
          try copyToGuest(littleEndian(UInt16(bitPattern: -5)), argument &+ 8)
          return
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
    let (wanted, identifier): (UInt32, UInt16) = (raw.field(0), raw.field(4))
    var status = wanted == 0 ? GrantStatus.okay : .generalError
    if !exists(identifier) { status = .badDomain }
    if identifier == 0 && !domain.isPrivileged { status = .permissionDenied }
    try copyToGuest(littleEndian(status.bits), argument &+ 6)
  }

  /// { u32 ref_a, ref_b; s16 status; }
  private func swapGrants(_ raw: [UInt8]) -> GrantStatus {
    let (first, second): (UInt32, UInt32) = (raw.field(0), raw.field(4))
    let entries = UInt32(domain.grantTable.frames) * GrantTable.entriesPerFrame
    guard first < entries, second < entries else { return .badReference }
    let (a, b) = (domain.map.grantTable << 12 + UInt64(first) * 8, domain.map.grantTable << 12 + UInt64(second) * 8)
    let (old, new) = (processor.physicalWord(at: a), processor.physicalWord(at: b))
    processor.setPhysicalWord(new, at: a)
    processor.setPhysicalWord(old, at: b)
    return .okay
  }
}
