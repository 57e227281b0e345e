/// The guest's descriptor tables: what a descriptor may say, set_gdt, update_descriptor and the LDT.
///
/// Xen `xen/arch/x86/pv/descriptor-tables.c`, `xen/arch/x86/pv/mm.c`, `pv_map_ldt_shadow_page`.
extension XenPVComputer {
  /// First GDT entry that is Xen's: FIRST_RESERVED_GDT_ENTRY.
  static let firstReservedEntry = UInt64(Layout.guestGDTFrames * 512)

  /// check_descriptor: the descriptor as it may stand in a table of the guest's; nil where it may not.
  static func checkedDescriptor(_ descriptor: UInt64) -> UInt64? {
    var low = descriptor & 0xFFFF_FFFF
    var high = descriptor >> 32
    guard high & 1 << 15 != 0 else { return descriptor }
    let dpl = high >> 13 & 3 | 3
    high = high & ~(3 << 13) | dpl << 13
    // Code and data are harmless at privilege 3.
    if high & 1 << 12 != 0 { return low | high << 32 }
    switch high >> 8 & 0xF {
    // The second half of a call gate.
    case 0: return descriptor
    case 0xC: break
    default: return nil
    }
    let selector = low >> 16
    guard selector >> 3 < firstReservedEntry || selector == FlatSelector.code64 || selector & 4 != 0 else { return nil }
    // The gate is Xen's to emulate: its DPL of 0 makes it fault, and the guest's DPL is kept in the selector.
    high &= ~(3 << 13)
    low = low & 0xFFFF | (selector & ~3 | dpl) << 16
    guard high & 0xFF == 0 else { return nil }
    return low | high << 32
  }

  /// validate_segdesc_page.
  func validateDescriptorPage(_ mfn: UInt64) throws(Errno) {
    memoryWork += 512
    for index in 0..<UInt64(512) {
      let address = mfn << 12 + index * 8
      guard let checked = Self.checkedDescriptor(processor.physicalWord(at: address)) else { throw .EINVAL }
      processor.setPhysicalWord(checked, at: address)
    }
  }
}

extension XenPVComputer {
  // MARK: The GDT

  func setGDT(_ call: HypercallArguments) throws(Errno) -> Int64 {
    let entries = call.second & 0xFFFF_FFFF
    guard entries <= Self.firstReservedEntry else { throw .EINVAL }
    let count = Int((entries + 511) / 512)
    let raw = try copyFromGuest(call.first, count: count * 8)
    let frames: [UInt64] = (0..<count).map { raw.field($0 * 8) }
    for (index, frame) in frames.enumerated() {
      do throws(Errno) {
        try getPageAndType(frame, .segmentDescriptors)
      } catch {
        for held in frames[..<index] { putPageAndType(held) }
        throw .EINVAL
      }
    }
    for (page, frame) in domain.vcpu.gdtFrames.enumerated() {
      setGDTFrame(page, nil)
      putPageAndType(frame)
    }
    for (page, frame) in frames.enumerated() { setGDTFrame(page, frame) }
    domain.vcpu.gdtFrames = frames
    domain.vcpu.gdtEntries = Int(entries)
    processor.flushGuestTranslations()
    return 0
  }

  /// A descriptor by machine address, in any page that the guest may write or that is a descriptor table.
  func updateDescriptor(_ call: HypercallArguments) throws(Errno) -> Int64 {
    let address = call.first
    guard address & 7 == 0, let descriptor = Self.checkedDescriptor(call.second) else { throw .EINVAL }
    let mfn = address >> 12
    guard getPage(mfn) else { throw .EINVAL }
    defer { putPage(mfn) }
    let isTable = TypeInfo.type(typeInfo(mfn)) == .segmentDescriptors
    do throws(Errno) {
      try getPageType(mfn, isTable ? .segmentDescriptors : .writable)
    } catch {
      throw .EINVAL
    }
    processor.setPhysicalWord(descriptor, at: address)
    putPageType(mfn)
    return 0
  }

  // MARK: The LDT

  /// MMUEXT_SET_LDT.
  func setLDT(_ linear: UInt64, entries: UInt64) throws(Errno) {
    // ZERO_BLOCK_PTR, which is no address.
    let base = entries == 0 ? ~UInt64(0) : linear
    guard entries <= 8192, entries == 0 || (linear & 0xFFF == 0 && Layout.isGuestAddress(linear)) else {
      throw .EINVAL
    }
    guard domain.vcpu.ldtEntries != Int(entries) || domain.vcpu.ldtBase != base else { return }
    dropLDT()
    domain.vcpu.ldtBase = base
    domain.vcpu.ldtEntries = Int(entries)
    processor.setLDT(base: Layout.ldt, limit: entries == 0 ? nil : UInt32(entries * 8 - 1))
  }

  /// pv_destroy_ldt: takes away the pages that were mapped; they come back when they are used.
  func dropLDT() {
    var dropped = false
    for page in 0..<16 {
      guard let frame = ldtFrame(page) else { continue }
      setLDTFrame(page, nil)
      putPageAndType(frame)
      dropped = true
    }
    if dropped { processor.flushGuestTranslations() }
  }

  /// pv_map_ldt_shadow_page: maps the page of the LDT that holds byte `offset`; false where the guest has none there.
  func mapLDTPage(_ offset: UInt64) -> Bool {
    guard offset >> 3 < UInt64(domain.vcpu.ldtEntries),
      let address = l1EntryAddress(of: domain.vcpu.ldtBase &+ offset)
    else { return false }
    let entry = processor.physicalWord(at: address)
    guard entry & PageFlags.present != 0 else { return false }
    do throws(Errno) {
      try getPageAndType(PageFlags.frame(entry), .segmentDescriptors)
    } catch {
      return false
    }
    setLDTFrame(Int(offset >> 12), PageFlags.frame(entry))
    return true
  }
}
