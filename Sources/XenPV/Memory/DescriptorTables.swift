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
