/// Type references: a frame may be a page table, or have writable mappings, never both.
///
/// Xen `xen/arch/x86/mm.c`, `_get_page_type`, `_put_page_type`. The first reference as a page table or descriptor page checks
/// all that is in it; the last one of a page table lets go of all that it leads to.

extension XenPVComputer {
  /// get_page_type. The caller holds a reference to the frame.
  func getPageType(_ mfn: UInt64, _ type: PageType) throws(Errno) {
    let before = typeInfo(mfn)
    var info = before + 1
    guard info & TypeInfo.countMask != 0 else { throw .EINVAL }
    if before & TypeInfo.countMask == 0 {
      if TypeInfo.type(before) != type {
        info = info & ~(TypeInfo.typeMask | TypeInfo.validated) | type.rawValue << TypeInfo.typeShift
        // No translation may be left that lets the guest write what is to become a table.
        processor.flushGuestTranslations()
      }
    } else if TypeInfo.type(before) != type {
      throw .EINVAL
    } else if before & TypeInfo.validated == 0 {
      // A table that is being checked right now leads to itself.
      throw .EINVAL
    }
    setTypeInfo(mfn, info)
    if info & TypeInfo.validated != 0 { return }
    if type != .writable && type != .shared {
      setLinearCount(mfn, 0)
      do throws(Errno) {
        try validate(mfn, type)
      } catch {
        setTypeInfo(mfn, 0)
        throw error
      }
    }
    setTypeInfo(mfn, typeInfo(mfn) | TypeInfo.validated)
  }

  /// put_page_type. `parent` is the table whose entry led here, which may be a linear one.
  func putPageType(_ mfn: UInt64, parent: UInt64? = nil) {
    let info = typeInfo(mfn)
    precondition(info & TypeInfo.countMask != 0, "put_page_type of a frame that has no reference as its type")
    let isLinear = parent.map { TypeInfo.type(typeInfo($0)) == TypeInfo.type(info) } ?? false
    if info & TypeInfo.countMask == 1 && TypeInfo.type(info).isTable && info & TypeInfo.validated != 0 {
      setTypeInfo(mfn, info & ~TypeInfo.validated)
      demote(mfn, TypeInfo.type(info))
      setTypeInfo(mfn, typeInfo(mfn) - 1)
    } else {
      setTypeInfo(mfn, info - 1)
    }
    if isLinear, let parent {
      setLinearCount(mfn, linearCount(mfn) + 1)
      setLinearCount(parent, linearCount(parent) - 1)
    }
  }

  /// validate_page.
  private func validate(_ mfn: UInt64, _ type: PageType) throws(Errno) {
    switch type {
    case .l1Table: try promoteL1(mfn)
    case .l2Table, .l3Table, .l4Table: try promote(mfn, type)
    case .segmentDescriptors: try validateDescriptorPage(mfn)
    case .none, .shared, .writable: preconditionFailure("there is nothing to check in a page of this type")
    }
  }
}
