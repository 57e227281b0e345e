/// The frame table: for each frame of machine memory how often it is referred to, and what as.
///
/// Xen `xen/arch/x86/include/asm/mm.h`, `struct page_info`. The table is in machine memory, 16 bytes a frame, so that a fork
/// undoes it:
///
///     count_info   63 PGC_allocated   62 PGC_xen_heap   47:32 linear_pt_count   31:0 references
///     type_info    63:61 PGT_*   59 PGT_pinned   58 PGT_validated   54:0 references as that type
///
/// Frames whose count is zero belong to nobody. Not modelled: PGT_partial and PGT_locked, since nothing interrupts the work on
/// one table here; the other domains of a real machine.

/// What a frame is used as. While a frame has references as one type it cannot be had as another.
public enum PageType: UInt64, Sendable {
  case none = 0
  case l1Table = 1
  case l2Table = 2
  case l3Table = 3
  case l4Table = 4
  /// A page of a GDT or LDT.
  case segmentDescriptors = 5
  case shared = 6
  case writable = 7

  var isTable: Bool { (1...4).contains(rawValue) }
}

/// Bits of `count_info`.
enum CountInfo {
  static let allocated: UInt64 = 1 << 63
  static let xenHeap: UInt64 = 1 << 62
  static let linearShift: UInt64 = 32
  static let linearMask: UInt64 = 0xFFFF << 32
  static let countMask: UInt64 = 0xFFFF_FFFF
}

/// Bits of `type_info`.
enum TypeInfo {
  static let typeShift: UInt64 = 61
  static let typeMask: UInt64 = 7 << 61
  static let pinned: UInt64 = 1 << 59
  static let validated: UInt64 = 1 << 58
  static let countMask: UInt64 = (1 << 55) - 1

  static func type(_ info: UInt64) -> PageType {
    PageType(rawValue: info >> typeShift) ?? .none
  }
}

extension XenPVComputer {
  // MARK: Entries

  func countInfo(_ mfn: UInt64) -> UInt64 { processor.physicalWord(at: domain.map.frameTable << 12 + mfn * 16) }
  func setCountInfo(_ mfn: UInt64, _ info: UInt64) {
    processor.setPhysicalWord(info, at: domain.map.frameTable << 12 + mfn * 16)
  }
  func typeInfo(_ mfn: UInt64) -> UInt64 { processor.physicalWord(at: domain.map.frameTable << 12 + mfn * 16 + 8) }
  func setTypeInfo(_ mfn: UInt64, _ info: UInt64) {
    processor.setPhysicalWord(info, at: domain.map.frameTable << 12 + mfn * 16 + 8)
  }

  /// The type a frame is in use as; `none` while it has no reference as any.
  func typeInUse(_ mfn: UInt64) -> PageType {
    let info = typeInfo(mfn)
    return info & TypeInfo.countMask == 0 ? .none : TypeInfo.type(info)
  }

  /// is_iomem_page: no memory, or memory that belongs to DOMID_IO. Frame 0 stands for a real machine's first megabyte.
  func isIOMemory(_ mfn: UInt64) -> Bool { mfn == 0 || !domain.map.isValid(mfn) }

  /// Whether a frame that somebody refers to is the domain's: its own memory, its shared_info and its grant table.
  func isOwn(_ mfn: UInt64) -> Bool { domain.map.isDomainFrame(mfn) || domain.map.isSharedWithGuest(mfn) }

  // MARK: References

  /// get_page: one more reference to a frame of the domain's; false where it is not the domain's.
  func getPage(_ mfn: UInt64) -> Bool {
    guard domain.map.isValid(mfn), isOwn(mfn) else { return false }
    let info = countInfo(mfn)
    // At zero it is not allocated; the last two values are kept back, against wrapping.
    guard (info &+ 2) & CountInfo.countMask > 2 else { return false }
    setCountInfo(mfn, info + 1)
    return true
  }

  /// put_page: the last reference frees the frame.
  func putPage(_ mfn: UInt64) {
    let info = countInfo(mfn)
    precondition(info & CountInfo.countMask != 0, "put_page of a frame that nobody refers to")
    setCountInfo(mfn, info - 1)
    guard (info - 1) & CountInfo.countMask == 0 else { return }
    // A page of Xen's own heap is nobody's from now on; the hypervisor goes on writing it.
    if domain.map.isSharedWithGuest(mfn) { return setCountInfo(mfn, CountInfo.xenHeap) }
    precondition(typeInfo(mfn) & TypeInfo.countMask == 0, "a frame is freed while it has references as a type")
    setCountInfo(mfn, 0)
    setTypeInfo(mfn, 0)
    setPseudoPhysicalFrame(of: mfn, MachineToPhys.invalid)
    domain.freeFrames.append(mfn)
    processor.flushGuestTranslations()
  }

  /// put_page_alloc_ref: the domain gives the frame back; it lives on while something else refers to it.
  func putAllocationReference(_ mfn: UInt64) {
    let info = countInfo(mfn)
    guard info & CountInfo.allocated != 0 else { return }
    setCountInfo(mfn, info & ~CountInfo.allocated)
    putPage(mfn)
  }

  /// get_page_and_type.
  func getPageAndType(_ mfn: UInt64, _ type: PageType) throws(Errno) {
    guard getPage(mfn) else { throw .EINVAL }
    do throws(Errno) {
      try getPageType(mfn, type)
    } catch {
      putPage(mfn)
      throw error
    }
  }

  /// put_page_and_type.
  func putPageAndType(_ mfn: UInt64) {
    putPageType(mfn)
    putPage(mfn)
  }

  // MARK: Linear page tables

  /// linear_pt_count: how many tables of its own kind a table leads to, or, negative, how many lead to it. Never both.
  func linearCount(_ mfn: UInt64) -> Int16 {
    Int16(bitPattern: UInt16(truncatingIfNeeded: countInfo(mfn) >> CountInfo.linearShift))
  }

  func setLinearCount(_ mfn: UInt64, _ count: Int16) {
    let bits = UInt64(UInt16(bitPattern: count)) << CountInfo.linearShift
    setCountInfo(mfn, countInfo(mfn) & ~CountInfo.linearMask | bits)
  }

  // MARK: The M2P table

  /// set_gpfn_from_mfn.
  func setPseudoPhysicalFrame(of mfn: UInt64, _ pfn: UInt64) {
    processor.setPhysicalWord(pfn, at: domain.map.machineToPhys << 12 + mfn * 8)
  }
}

/// Entries of the M2P table that are no frame numbers. Xen `xen/arch/x86/include/asm/mm.h`.
enum MachineToPhys {
  static let invalid: UInt64 = ~0
}
