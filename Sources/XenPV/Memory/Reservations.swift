/// memory_op: giving memory back and getting it again, and what the machine's memory looks like.
///
/// Xen `xen/common/memory.c`, `do_memory_op`; `xen/arch/x86/mm.c`, `arch_memory_op`; `xen/arch/x86/x86_64/mm.c`,
/// `subarch_memory_op`; `xen/include/public/memory.h`.
/// Not modelled: XENMEM_exchange, XENMEM_access_op, XENMEM_acquire_resource and those for paging and sharing (ENOSYS); a
/// machine that has memory left to give beyond what the domain had when it was built.
extension XenPVComputer {
  func memoryOp(_ call: HypercallArguments) throws(Errno) -> Int64 {
    let (command, argument) = (call.first, call.second)
    let start = command >> 6
    let operation = command & 63
    switch operation {
    case 0, 1, 6: return adjustReservation(operation, argument, start: start, call)
    case 2, 3, 4, 14, 15, 24, 26, 27: if start != 0 { throw .EINVAL }
    case 7, 23: return try addToPhysmap(operation, argument, start: start)
    // What arch_memory_op knows it knows without a start.
    default: if start != 0 { throw .ENOSYS }
    }
    switch operation {
    case 2: return Int64(domain.map.totalFrames)
    case 3, 4, 14: return try reservation(operation, argument)
    case 5: return try machinePhysFrames(argument)
    case 9: return try memoryMap(argument)
    case 10: return try machineMemoryMap(argument)
    case 12: return try machinePhysMapping(argument)
    case 13: return try setMemoryMap(argument)
    case 15:
      guard anyDomain(try copyFromGuest(argument, count: 16).field(0)) != nil else { throw .ESRCH }
      throw .EACCES
    case 18, 19: return 0
    case 24: return try claimPages(argument)
    case 26: return try virtualNUMA(argument)
    case 27:
      var raw = try copyFromGuest(argument, count: 24)
      let flags: UInt32 = raw.field(0)
      guard flags & ~1 == 0 else { throw .EINVAL }
      raw.setField(4, UInt32(0))
      try copyToGuest(raw, argument)
      return 0
    default: throw .ENOSYS
    }
  }

  /// XENMEM_current_reservation, XENMEM_maximum_reservation, XENMEM_maximum_gpfn.
  private func reservation(_ operation: UInt64, _ argument: UInt64) throws(Errno) -> Int64 {
    guard let target = anyDomain(try copyFromGuest(argument, count: 2).field(0)) else { throw .ESRCH }
    try checkTarget(target)
    switch operation {
    case 3: return Int64(domain.map.domainPages - domain.freeFrames.count)
    case 4: return Int64(domain.map.domainPages)
    default:
      // A PV guest says how many frames it has in arch.max_pfn.
      let frames = processor.physicalWord(at: domain.map.sharedInfo << 12 + SharedInfo.maximumFrame)
      return Int64(bitPattern: max(frames, 1) - 1)
    }
  }

  /// xatp_permission_check: a PV domain has no physical map to add to.
  private func addToPhysmap(_ operation: UInt64, _ argument: UInt64, start: UInt64) throws(Errno) -> Int64 {
    guard start <= 0xFFFF else { throw .EDOM }
    let raw = try copyFromGuest(argument, count: operation == 7 ? 24 : 32)
    // XENMAPSPACE_gmfn_foreign and XENMAPSPACE_gmfn_range have a call of their own each.
    if operation == 7 && raw.field(4, as: UInt32.self) == 4 { throw .ENOSYS }
    if operation == 23 && raw.field(2, as: UInt16.self) == 3 { throw .EOPNOTSUPP }
    guard anyDomain(raw.field(0)) != nil else { throw .ESRCH }
    throw .EACCES
  }

  /// XENMEM_claim_pages is for toolstacks, and does not know DOMID_SELF.
  private func claimPages(_ argument: UInt64) throws(Errno) -> Int64 {
    let raw = try copyFromGuest(argument, count: 32)
    let identifier: UInt16 = raw.field(24)
    guard raw.field(0, as: UInt64.self) == 0, raw.field(16, as: UInt64.self) == 0,
      identifier != DomainIdentifier.own, anyDomain(identifier) != nil
    else { throw .EINVAL }
    guard domain.isPrivileged else { throw .EPERM }
    return 0
  }

  private func virtualNUMA(_ argument: UInt64) throws(Errno) -> Int64 {
    let raw = try copyFromGuest(argument, count: 48)
    guard raw.field(2, as: UInt16.self) == 0 else { throw .EINVAL }
    guard let target = anyDomain(raw.field(0)) else { throw .ESRCH }
    try checkTarget(target)
    throw .EOPNOTSUPP
  }

  // MARK: What memory there is

  /// XENMEM_machphys_mapping: { unsigned long v_start, v_end, max_mfn; }
  private func machinePhysMapping(_ argument: UInt64) throws(Errno) -> Int64 {
    let end = Layout.machineToPhys + 1 << 38
    let last = domain.isPrivileged ? UInt64(domain.map.totalFrames) - 1 : 1 << 35 - 1
    try copyToGuest([Layout.machineToPhys, end, last].flatMap(littleEndian), argument)
    return 0
  }

  /// XENMEM_machphys_mfn_list: the first frame of each 2 MiB of the M2P table.
  private func machinePhysFrames(_ argument: UInt64) throws(Errno) -> Int64 {
    var raw = try copyFromGuest(argument, count: 24)
    let (most, list): (UInt32, UInt64) = (raw.field(0), raw.field(8))
    let pieces = (domain.map.totalFrames * 8 + (2 << 20) - 1) >> 21
    let count = min(UInt64(most), UInt64(pieces))
    for index in 0..<count { try setGuestWord(list &+ index * 8, domain.map.machineToPhys + index * 512) }
    raw.setField(16, UInt32(count))
    try copyToGuest(raw, argument)
    return 0
  }

  /// XENMEM_memory_map: there is one only where somebody set it.
  private func memoryMap(_ argument: UInt64) throws(Errno) -> Int64 {
    var raw = try copyFromGuest(argument, count: 16)
    let (most, list): (UInt32, UInt64) = (raw.field(0), raw.field(8))
    guard !domain.memoryMap.isEmpty else { throw .ENOSYS }
    let count = min(Int(most), domain.memoryMap.count / 20)
    try copyToGuest(Array(domain.memoryMap[..<(count * 20)]), list)
    raw.setField(0, UInt32(count))
    try copyToGuest(raw, argument)
    return 0
  }

  /// XENMEM_set_memory_map: { u16 domid; struct { u32 nr_entries; ptr buffer; } }
  private func setMemoryMap(_ argument: UInt64) throws(Errno) -> Int64 {
    let raw = try copyFromGuest(argument, count: 24)
    let (count, list): (UInt32, UInt64) = (raw.field(8), raw.field(16))
    // E820MAX.
    guard count <= 1024 else { throw .EINVAL }
    guard let target = anyDomain(raw.field(0)) else { throw .ESRCH }
    try checkTarget(target)
    domain.memoryMap = try copyFromGuest(list, count: Int(count) * 20)
    return 0
  }

  /// XENMEM_machine_memory_map: one entry of RAM, which is all that this machine has.
  private func machineMemoryMap(_ argument: UInt64) throws(Errno) -> Int64 {
    guard domain.isPrivileged else { throw .EPERM }
    var raw = try copyFromGuest(argument, count: 16)
    let (most, list): (UInt32, UInt64) = (raw.field(0), raw.field(8))
    if list != 0 {
      guard most >= 2 else { throw .EINVAL }
      try copyToGuest(
        littleEndian(UInt64(0)) + littleEndian(UInt64(domain.map.memorySize)) + littleEndian(UInt32(1)), list)
    }
    raw.setField(0, UInt32(1))
    try copyToGuest(raw, argument)
    return 0
  }

  // MARK: Reservations

  /// XENMEM_increase_reservation, XENMEM_decrease_reservation, XENMEM_populate_physmap. Returns how many extents are done:
  /// these calls have no errors.
  ///
  ///     { ptr extent_start; u64 nr_extents; u32 extent_order, mem_flags; u16 domid; }
  private func adjustReservation(_ operation: UInt64, _ argument: UInt64, start: UInt64, _ call: HypercallArguments)
    -> Int64
  {
    let refused = Int64(bitPattern: start)
    guard let raw = try? copyFromGuest(argument, count: 32) else { return refused }
    let (list, count, order): (UInt64, UInt64, UInt32) = (raw.field(0), raw.field(8), raw.field(16))
    let flags: UInt32 = raw.field(20)
    guard count <= UInt64(UInt32.max) >> 6, start < count, anyDomain(raw.field(24)) == .own else { return refused }
    // max_order of a domU, and of the hardware domain.
    guard order <= (domain.isPrivileged ? 12 : 9) else { return refused }
    guard Layout.isGuestAddress(list &+ start * 8) || (operation == 0 && list == 0) else { return refused }
    // Nobody populates on demand for himself.
    if operation == 6 && flags & 1 << 16 != 0 { return refused }
    let begun = memoryWork
    for index in start..<count {
      if index != start && memoryWork - begun > Self.memoryWorkLimit {
        continuation = HypercallArguments(number: call.number, [operation | index << 6, argument])
        return 0
      }
      memoryWork += 16 << Int(order)
      do throws(Errno) {
        switch operation {
        case 0:
          let first = try allocate(order)
          if list != 0 { try setGuestWord(list &+ index * 8, first) }
        case 1:
          let first = try guestWord(list &+ index * 8)
          for frame in 0..<UInt64(1) << order { try removePage(first &+ frame) }
        default:
          let pfn = try guestWord(list &+ index * 8)
          let first = try allocate(order)
          for frame in 0..<UInt64(1) << order { setPseudoPhysicalFrame(of: first + frame, pfn &+ frame) }
          try setGuestWord(list &+ index * 8, first)
        }
      } catch {
        return Int64(index)
      }
    }
    return Int64(count)
  }

  /// guest_remove_page.
  private func removePage(_ mfn: UInt64) throws(Errno) {
    guard domain.map.isValid(mfn) else { throw .EINVAL }
    guard getPage(mfn) else { throw .ENXIO }
    putAllocationReference(mfn)
    putPage(mfn)
  }

  /// alloc_domheap_pages: frames in a row, at a multiple of their number.
  private func allocate(_ order: UInt32) throws(Errno) -> UInt64 {
    let size = UInt64(1) << order
    guard domain.freeFrames.count >= Int(size), var first = domain.freeFrames.last else { throw .ENOMEM }
    if size == 1 {
      domain.freeFrames.removeLast()
    } else {
      memoryWork += domain.freeFrames.count
      let free = Set(domain.freeFrames)
      let candidates = domain.freeFrames.filter { $0 & (size - 1) == 0 }
      guard let found = candidates.first(where: { start in (0..<size).allSatisfy { free.contains(start + $0) } })
      else { throw .ENOMEM }
      first = found
      domain.freeFrames.removeAll { $0 >= found && $0 < found + size }
    }
    for frame in first..<first + size {
      setCountInfo(frame, CountInfo.allocated | 1)
      setTypeInfo(frame, 0)
    }
    return first
  }
}
