/// What a page table may hold: each entry is checked, and refers to the frame that it names.
///
/// Xen `xen/arch/x86/mm.c`, `get_page_from_l1e`, `get_page_from_l2e` and up, `promote_l1_table` and up, `demote_l1_table` and
/// up, `define_get_linear_pagetable`.
/// Not modelled: pv_l1tf_check, which moves a domain to shadow paging when it writes certain entries that are not present.

/// Whose frames entries may name: the domain's own, or those of DOMID_IO.
enum FrameOwner {
  case domain
  case io
}

extension XenPVComputer {
  // MARK: L1 entries

  /// get_page_from_l1e, for a present entry: refers to the frame. Returns the flags that must be flipped in the entry.
  func getPageFromL1Entry(_ entry: UInt64, _ owner: FrameOwner = .domain) throws(Errno) -> UInt64 {
    let mfn = PageFlags.frame(entry)
    guard entry & leafDisallowed == 0 else { throw .EINVAL }
    if isIOMemory(mfn) {
      guard isIOPermitted(mfn) else {
        // INVALID_MFN, as wide as an entry has it.
        throw mfn == PageFlags.frameMask >> 12 ? .EINVAL : .EPERM
      }
      switch entry & PageFlags.cacheAttributes {
      case 0: return PageFlags.writeThrough | PageFlags.cacheDisable
      case PageFlags.writeThrough: return PageFlags.cacheDisable
      case PageFlags.writeThrough | PageFlags.pageSize: return PageFlags.cacheDisable | PageFlags.pageSize
      default: return 0
      }
    }
    guard owner == .domain, getPage(mfn) else { throw .EBUSY }
    if entry & PageFlags.writable != 0 {
      do throws(Errno) {
        try getPageType(mfn, .writable)
      } catch {
        putPage(mfn)
        throw .EBUSY
      }
    }
    if entry & PageFlags.cacheAttributes != 0 && domain.map.isSharedWithGuest(mfn) {
      putPageFromL1Entry(entry)
      throw .EACCES
    }
    return 0
  }

  /// put_page_from_l1e.
  func putPageFromL1Entry(_ entry: UInt64) {
    let mfn = PageFlags.frame(entry)
    guard entry & PageFlags.present != 0, !isIOMemory(mfn) else { return }
    if entry & PageFlags.writable != 0 { putPageType(mfn) }
    putPage(mfn)
  }

  /// iomem_access_permitted: the hardware domain may map whatever a physical address can name.
  private func isIOPermitted(_ mfn: UInt64) -> Bool {
    guard domain.isPrivileged else { return false }
    let width = UInt64(processor.cpuid(leaf: 0x8000_0008, subleaf: 0).eax & 0xFF)
    return mfn >> (min(max(width, 32), 52) - 12) == 0
  }

  // MARK: Entries of the upper levels

  /// The level that the entries of a table lead to.
  static func below(_ level: PageType) -> PageType { PageType(rawValue: level.rawValue - 1) ?? .none }

  /// get_page_from_l2e, get_page_from_l3e, get_page_from_l4e: for a present entry of the table `table`.
  func getPage(from entry: UInt64, in table: UInt64, _ level: PageType) throws(Errno) {
    guard entry & PageFlags.tableDisallowed == 0 else { throw .EINVAL }
    do throws(Errno) {
      try getPageAndType(PageFlags.frame(entry), Self.below(level))
    } catch .EINVAL {
      guard getLinear(entry, in: table, level) else { throw .EINVAL }
    }
  }

  /// get_lN_linear_pagetable: an entry may lead, read-only, to a table of the same level as its own, one that leads to no
  /// further one; to its own table it does so without a reference.
  private func getLinear(_ entry: UInt64, in table: UInt64, _ level: PageType) -> Bool {
    guard entry & PageFlags.writable == 0 else { return false }
    let mfn = PageFlags.frame(entry)
    if mfn == table { return true }
    guard getPage(mfn) else { return false }
    let (from, to) = (linearCount(table), linearCount(mfn))
    let info = typeInfo(mfn)
    // A count that is negative, or would wrap, means that the table is led to itself.
    guard from >= 0, from < .max, to <= 0, to > .min, TypeInfo.type(info) == level,
      info & TypeInfo.validated != 0, info & TypeInfo.countMask != TypeInfo.countMask,
      info & TypeInfo.countMask != 0
    else {
      putPage(mfn)
      return false
    }
    setLinearCount(table, from + 1)
    setLinearCount(mfn, to - 1)
    setTypeInfo(mfn, info + 1)
    return true
  }

  /// put_page_from_l2e and its like.
  func putPage(from entry: UInt64, in table: UInt64) {
    let mfn = PageFlags.frame(entry)
    guard entry & PageFlags.present != 0, mfn != table else { return }
    putPageType(mfn, parent: table)
    putPage(mfn)
  }

  // MARK: Whole tables

  /// The indices of a table that are the guest's: is_guest_l4_slot.
  static func isGuestSlot(_ index: UInt64, _ level: PageType) -> Bool {
    level != .l4Table || !Layout.hypervisorSlots.contains(Int(index))
  }

  func promoteL1(_ mfn: UInt64) throws(Errno) {
    for index in 0..<UInt64(512) {
      let address = mfn << 12 + index * 8
      let entry = processor.physicalWord(at: address)
      guard entry & PageFlags.present != 0 else { continue }
      memoryWork += 1
      do throws(Errno) {
        let checked = entry ^ (try getPageFromL1Entry(entry))
        processor.setPhysicalWord(PageFlags.adjusted(checked, level: .l1Table), at: address)
      } catch {
        for done in 0..<index { putPageFromL1Entry(processor.physicalWord(at: mfn << 12 + done * 8)) }
        throw error
      }
    }
    memoryWork += 16
  }

  func promote(_ mfn: UInt64, _ level: PageType) throws(Errno) {
    for index in 0..<UInt64(512) where Self.isGuestSlot(index, level) {
      let address = mfn << 12 + index * 8
      let entry = processor.physicalWord(at: address)
      guard entry & PageFlags.present != 0 else { continue }
      do throws(Errno) {
        try getPage(from: entry, in: mfn, level)
        processor.setPhysicalWord(PageFlags.adjusted(entry, level: level), at: address)
      } catch {
        for done in 0..<index where Self.isGuestSlot(done, level) {
          putPage(from: processor.physicalWord(at: mfn << 12 + done * 8), in: mfn)
        }
        throw error
      }
    }
    memoryWork += 16
    if level == .l4Table { fillHypervisorSlots(of: mfn) }
  }

  func demote(_ mfn: UInt64, _ level: PageType) {
    memoryWork += 16
    for index in (0..<UInt64(512)).reversed() where Self.isGuestSlot(index, level) {
      let entry = processor.physicalWord(at: mfn << 12 + index * 8)
      guard entry & PageFlags.present != 0 else { continue }
      memoryWork += 1
      if level == .l1Table { putPageFromL1Entry(entry) } else { putPage(from: entry, in: mfn) }
    }
  }
}
