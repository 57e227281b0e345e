/// mmu_update and update_va_mapping: entries of page tables that are in use change by these alone.
///
/// Xen `xen/arch/x86/mm.c`, `do_mmu_update`, `__do_update_va_mapping`; `xen/include/public/xen.h`, `struct mmu_update`:
///
///     { u64 ptr, val; }     ptr: machine address of the entry, with the command in bits 0 to 2
extension XenPVComputer {
  /// MMU_UPDATE_PREEMPTED: the call goes on with what is left of an earlier one.
  static let preempted: UInt64 = 1 << 31
  /// Entries that one call looks at before the guest is made to call again.
  static let memoryWorkLimit = 1 << 16

  func mmuUpdate(_ call: HypercallArguments) throws(Errno) -> Int64 {
    try updateBatch(call, size: 16) { machine, raw, pageTables, owner throws(Errno) in
      try machine.updateOne(pointer: raw.field(0), value: raw.field(8), pageTables, owner)
    }
  }

  /// What mmu_update and mmuext_op share: count and done, the bound on one call, and its continuation.
  func updateBatch(
    _ call: HypercallArguments, size: UInt64,
    _ update: (XenPVComputer, [UInt8], ForeignDomain, ForeignDomain) throws(Errno) -> Void
  ) throws(Errno) -> Int64 {
    let (list, foreign) = (call.first, call.fourth & 0xFFFF_FFFF)
    var count = call.second & 0xFFFF_FFFF
    if count == Self.preempted && list == 0 { return Int64(Int32(truncatingIfNeeded: foreign)) }
    var done: UInt32 = 0
    if count & Self.preempted != 0 {
      count &= ~Self.preempted
      if call.third != 0, let bytes = try? copyFromGuest(call.third, count: 4) { done = bytes.field(0) }
    }
    guard Layout.isGuestAddress(list) else { throw .EFAULT }
    // The upper half names the domain whose tables change, plus one.
    var pageTables = ForeignDomain.own
    if size == 16, foreign >> 16 != 0 {
      guard let named = anyDomain(UInt16(foreign >> 16) - 1), foreign >> 16 - 1 != UInt64(DomainIdentifier.own) else {
        throw .ESRCH
      }
      pageTables = named
    }
    let owner = try pageOwner(UInt16(truncatingIfNeeded: foreign))
    if size != 16 { try checkTarget(owner) }
    let start = memoryWork
    var result: Int64 = 0
    var index: UInt64 = 0
    while index < count {
      if index > 0 && memoryWork - start > Self.memoryWorkLimit {
        continuation = HypercallArguments(
          number: call.number, [list &+ index * size, (count - index) | Self.preempted, call.third, foreign])
        break
      }
      memoryWork += 16
      do throws(Errno) {
        try update(self, try copyFromGuest(list &+ index * size, count: Int(size)), pageTables, owner)
      } catch {
        result = -error.rawValue
        break
      }
      index += 1
    }
    if call.third != 0 { try? copyToGuest(littleEndian(done &+ UInt32(truncatingIfNeeded: index)), call.third) }
    return result
  }

  private func updateOne(pointer: UInt64, value: UInt64, _ pageTables: ForeignDomain, _ owner: ForeignDomain)
    throws(Errno)
  {
    switch pointer & 7 {
    case 0, 2, 3:
      if owner != .io { try checkTarget(owner) }
      try checkTarget(pageTables)
      guard pageTables == .own else { throw .EINVAL }
      try updateEntry(at: pointer & ~7, to: value, keepsAD: pointer & 7 == 2, owner)
    case 1:
      guard pageTables == .own else { throw .EPERM }
      if owner != .io { try checkTarget(owner) }
      let mfn = pointer >> 12
      guard owner == .own, getPage(mfn) else { throw .EINVAL }
      setPseudoPhysicalFrame(of: mfn, value)
      putPage(mfn)
    default: throw .ENOSYS
    }
  }

  /// MMU_NORMAL_PT_UPDATE and MMU_PT_UPDATE_PRESERVE_AD: a page that is no table is written as any other.
  private func updateEntry(at address: UInt64, to value: UInt64, keepsAD: Bool, _ owner: ForeignDomain) throws(Errno) {
    let mfn = address >> 12
    guard getPage(mfn) else { throw .EINVAL }
    defer { putPage(mfn) }
    guard isLockable(mfn) else {
      try getPageType(mfn, .writable)
      processor.setPhysicalWord(value, at: address)
      return putPageType(mfn)
    }
    switch typeInUse(mfn) {
    case .l1Table: try modifyL1Entry(at: address, to: value, keepsAD: keepsAD, owner == .own ? .domain : .io)
    case .l2Table, .l3Table, .l4Table:
      guard owner == .own else { throw .EINVAL }
      try modifyEntry(at: address, to: value, keepsAD: keepsAD, in: mfn, typeInUse(mfn))
      processor.flushGuestTranslations()
    case .writable: processor.setPhysicalWord(value, at: address)
    case .none, .segmentDescriptors, .shared: throw .EINVAL
    }
  }

  // MARK: update_va_mapping

  func updateVAMapping(_ call: HypercallArguments) throws(Errno) -> Int64 {
    try updateMapping(call.first, to: call.second, flags: call.third, .own)
    return 0
  }

  func updateVAMappingOtherdomain(_ call: HypercallArguments) throws(Errno) -> Int64 {
    let owner = try pageOwner(UInt16(truncatingIfNeeded: call.fourth))
    try checkTarget(owner)
    try updateMapping(call.first, to: call.second, flags: call.third, owner)
    return 0
  }

  private func updateMapping(_ linear: UInt64, to value: UInt64, flags: UInt64, _ owner: ForeignDomain) throws(Errno) {
    guard let address = l1EntryAddress(of: linear), getPage(address >> 12) else { throw .EINVAL }
    defer { putPage(address >> 12) }
    guard isLockable(address >> 12), typeInUse(address >> 12) == .l1Table else { throw .EINVAL }
    try modifyL1Entry(at: address, to: value, owner == .own ? .domain : .io)
    // UVMF_TLB_FLUSH and UVMF_INVLPG; the rest of the flags is UVMF_LOCAL, UVMF_ALL or where a mask of virtual CPUs is.
    guard flags & 3 == 1 || flags & 3 == 2 else { return }
    let which = flags & ~3
    if which != 0 && which != 4 { try checkCPUMask(which) }
    if flags & 3 == 1 { processor.flushGuestTranslations() } else { processor.invalidateGuestPage(linear) }
  }
}
