/// mmuext_op: pinning, base pointers, TLB flushes, the LDT, whole pages.
///
/// Xen `xen/arch/x86/mm.c`, `do_mmuext_op`, `new_guest_cr3`; `xen/include/public/xen.h`, `struct mmuext_op`:
///
///     { u32 cmd, pad; u64 mfn or linear_addr; u64 nr_ents, vcpumask or src_mfn; }
/// Not modelled: MMUEXT_MARK_SUPER and MMUEXT_UNMARK_SUPER, which Xen 4.17 refuses as well.
extension XenPVComputer {
  private enum Command {
    static let pinL1: UInt32 = 0
    static let pinL4: UInt32 = 3
    static let unpin: UInt32 = 4
    static let newBase: UInt32 = 5
    static let flushLocal: UInt32 = 6
    static let invalidateLocal: UInt32 = 7
    static let flushMulti: UInt32 = 8
    static let invalidateMulti: UInt32 = 9
    static let flushAll: UInt32 = 10
    static let invalidateAll: UInt32 = 11
    static let flushCache: UInt32 = 12
    static let setLDT: UInt32 = 13
    static let newUserBase: UInt32 = 15
    static let clearPage: UInt32 = 16
    static let copyPage: UInt32 = 17
    static let flushCacheGlobal: UInt32 = 18
    static let markSuper: UInt32 = 19
    static let unmarkSuper: UInt32 = 20
  }

  func mmuextOp(_ call: HypercallArguments) throws(Errno) -> Int64 {
    try updateBatch(call, size: 24) { machine, raw, _, owner throws(Errno) in
      try machine.extendedOperation(raw.field(0), raw.field(8), raw.field(16), owner)
    }
  }

  private func extendedOperation(_ command: UInt32, _ first: UInt64, _ second: UInt64, _ owner: ForeignDomain)
    throws(Errno)
  {
    switch command {
    case Command.pinL1...Command.unpin, Command.clearPage, Command.copyPage:
      guard owner == .own else { throw .EINVAL }
    case Command.newBase...Command.newUserBase, Command.flushCacheGlobal:
      guard owner == .own || command == 14 else { throw .EPERM }
    default: break
    }
    switch command {
    case Command.pinL1...Command.pinL4: try pin(first, PageType(rawValue: UInt64(command) + 1) ?? .none)
    case Command.unpin: try unpin(first)
    case Command.newBase: try setBase(first)
    case Command.newUserBase: try setUserBase(first)
    case Command.flushLocal, Command.flushAll: processor.flushGuestTranslations()
    case Command.invalidateLocal: processor.invalidateGuestPage(first)
    case Command.flushMulti, Command.invalidateMulti:
      do throws(Errno) { try checkCPUMask(second) } catch { throw .EINVAL }
      if command == Command.flushMulti {
        processor.flushGuestTranslations()
      } else if Layout.isGuestAddress(first) {
        processor.invalidateGuestPage(first)
      }
    case Command.invalidateAll: if Layout.isGuestAddress(first) { processor.invalidateGuestPage(first) }
    case Command.flushCache: guard domain.isPrivileged else { throw .EACCES }
    case Command.flushCacheGlobal: guard domain.isPrivileged else { throw .EINVAL }
    case Command.setLDT: try setLDT(first, entries: second & 0xFFFF_FFFF)
    case Command.clearPage: try clearPage(first)
    case Command.copyPage: try copyPage(from: second, to: first)
    case Command.markSuper, Command.unmarkSuper: throw .EOPNOTSUPP
    default: throw .ENOSYS
    }
  }

  // MARK: Pinning

  /// A pinned table keeps its type though nothing leads to it.
  private func pin(_ mfn: UInt64, _ type: PageType) throws(Errno) {
    try getPageAndType(mfn, type)
    guard typeInfo(mfn) & TypeInfo.pinned == 0 else {
      putPageAndType(mfn)
      throw .EINVAL
    }
    setTypeInfo(mfn, typeInfo(mfn) | TypeInfo.pinned)
  }

  private func unpin(_ mfn: UInt64) throws(Errno) {
    guard getPage(mfn) else { throw .EINVAL }
    defer { putPage(mfn) }
    guard typeInfo(mfn) & TypeInfo.pinned != 0 else { throw .EINVAL }
    setTypeInfo(mfn, typeInfo(mfn) & ~TypeInfo.pinned)
    putPageAndType(mfn)
  }

  // MARK: Base pointers

  /// new_guest_cr3, from the guest's kernel.
  private func setBase(_ mfn: UInt64) throws(Errno) {
    let old = domain.vcpu.guestTable >> 12
    if old != mfn {
      try getPageAndType(mfn, .l4Table)
      dropLDT()
      if !domain.hasAssist(.m2pStrict) { showMachineToPhys(in: mfn, true) }
      domain.vcpu.guestTable = mfn << 12
    }
    processor.switchPageTables(domain.vcpu.guestTable, space: 0, keeps: false)
    if old != mfn && old != 0 { putPageAndType(old) }
  }

  /// The same for a write to CR3 that is emulated; false where the frame is refused.
  func switchPageTables(to frame: UInt64) -> Bool {
    do throws(Errno) {
      try setBase(frame)
      return true
    } catch {
      return false
    }
  }

  /// The tables of user mode; frame 0 stands for none.
  private func setUserBase(_ mfn: UInt64) throws(Errno) {
    let old = domain.vcpu.guestTableUser >> 12
    guard old != mfn else { return }
    if mfn != 0 {
      try getPageAndType(mfn, .l4Table)
      if domain.hasAssist(.m2pStrict) { showMachineToPhys(in: mfn, false) }
    }
    domain.vcpu.guestTableUser = mfn << 12
    if old != 0 { putPageAndType(old) }
    processor.flushGuestTranslations()
  }

  // MARK: Whole pages

  private func clearPage(_ mfn: UInt64) throws(Errno) {
    try getPageAndType(mfn, .writable)
    processor.writePhysical(repeatElement(0, count: 4096), at: mfn << 12)
    putPageAndType(mfn)
  }

  private func copyPage(from source: UInt64, to destination: UInt64) throws(Errno) {
    guard getPage(source) else { throw .EINVAL }
    defer { putPage(source) }
    try getPageAndType(destination, .writable)
    if let bytes = processor.physicalBytes(at: source << 12, count: 4096) {
      processor.writePhysical(bytes, at: destination << 12)
    }
    putPageAndType(destination)
  }
}
