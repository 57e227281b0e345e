/// The hypervisor's part of every address space: the M2P table, and the GDT and LDT of the virtual CPU.
///
/// Xen `xen/arch/x86/mm.c`, `init_xen_l4_slots`; `xen/arch/x86/domain.c`, `create_perdomain_mapping`; `xen/arch/x86/boot/gdt.S`.
/// The frames of `MachineMap.xenTables` in order: L3 and L2 of the M2P table, L3, L2 and L1 of the per-domain area, L3 of the
/// direct map, then the L1 tables of the M2P table. Xen's data is out of the guest's reach, but there, as with `xpti=no`.
/// Not modelled: Xen's own text, data and linear page tables. Where a guest reads there its fault says "not present" rather
/// than "not permitted".

enum HypervisorTable {
  static let m2pL3: UInt64 = 0
  static let m2pL2: UInt64 = 1
  static let domainL3: UInt64 = 2
  static let domainL2: UInt64 = 3
  static let domainL1: UInt64 = 4
  static let directMapL3: UInt64 = 5
  static let m2pL1: UInt64 = 6
  /// L4 slots.
  static let m2pSlot: UInt64 = 256
  static let domainSlot: UInt64 = 260
  static let directMapSlot: UInt64 = 262
  /// Entries of the M2P table that one L1 table maps.
  static let framesOfL1 = 512 * 512
  /// Frames for which there are tables enough.
  static let mostFrames = (MachineMap.xenTablePages - Int(m2pL1)) * framesOfL1
}

extension XenPVComputer {
  private func hypervisorTable(_ index: UInt64) -> UInt64 { domain.map.xenTables + index }

  private func setEntry(_ table: UInt64, _ index: UInt64, frame: UInt64, _ flags: UInt64) {
    processor.setPhysicalWord(frame << 12 | flags, at: table << 12 + index * 8)
  }

  func buildHypervisorTables() {
    let map = domain.map
    let readable = PageFlags.present | PageFlags.user | PageFlags.accessed | PageFlags.dirty
    let m2pPages = (UInt64(map.totalFrames) * 8 + 4095) / 4096
    setEntry(hypervisorTable(HypervisorTable.m2pL3), 0, frame: hypervisorTable(HypervisorTable.m2pL2), readable)
    for page in 0..<m2pPages {
      let table = hypervisorTable(HypervisorTable.m2pL1 + page / 512)
      setEntry(hypervisorTable(HypervisorTable.m2pL2), page / 512, frame: table, readable)
      setEntry(table, page % 512, frame: map.machineToPhys + page, readable | PageFlags.noExecute)
    }
    for index in 0..<m2pPages * 512 { setPseudoPhysicalFrame(of: index, MachineToPhys.invalid) }

    for gigabyte in 0..<((UInt64(map.totalFrames) + 0x3_FFFF) >> 18) {
      setEntry(
        hypervisorTable(HypervisorTable.directMapL3), gigabyte, frame: gigabyte << 18,
        PageFlags.hypervisor | PageFlags.pageSize)
    }
    let pointer = PageFlags.hypervisor & ~PageFlags.noExecute
    setEntry(hypervisorTable(HypervisorTable.domainL3), 0, frame: hypervisorTable(HypervisorTable.domainL2), pointer)
    setEntry(hypervisorTable(HypervisorTable.domainL2), 0, frame: hypervisorTable(HypervisorTable.domainL1), pointer)
    for page in 0..<Layout.guestGDTFrames { setGDTFrame(page, nil) }
    setDescriptorEntry(UInt64(Layout.guestGDTFrames), frame: map.reservedDescriptors, PageFlags.hypervisor)
    // e008, e010, e023, e02b, e033, e040 (TSS), e050 (LDT), e060: see boot_gdt.
    let descriptors: [UInt64: UInt64] = [
      1: 0x00AF_9B00_0000_FFFF, 2: 0x00CF_9300_0000_FFFF, 4: 0x00CF_FB00_0000_FFFF, 5: 0x00CF_F300_0000_FFFF,
      6: 0x00AF_FB00_0000_FFFF, 8: 0x0000_8B00_0000_206F, 10: 0x0000_8200_0000_0000, 12: 0x0000_9100_0000_0000,
    ]
    for (index, descriptor) in descriptors {
      processor.setPhysicalWord(descriptor, at: map.reservedDescriptors << 12 + index * 8)
    }
  }

  /// init_xen_l4_slots: whatever the guest had there is overwritten.
  func fillHypervisorSlots(of l4: UInt64) {
    for slot in Layout.hypervisorSlots { processor.setPhysicalWord(0, at: l4 << 12 + UInt64(slot) * 8) }
    // `public/xen.h`, VMASST_TYPE_m2p_strict: without it the slot is filled once the table is used for the kernel.
    showMachineToPhys(in: l4, domain.hasAssist(.m2pStrict))
    setEntry(
      l4, HypervisorTable.directMapSlot, frame: hypervisorTable(HypervisorTable.directMapL3),
      PageFlags.hypervisor & ~PageFlags.noExecute)
    setEntry(
      l4, HypervisorTable.domainSlot, frame: hypervisorTable(HypervisorTable.domainL3),
      PageFlags.hypervisor & ~PageFlags.noExecute)
  }

  /// fill_ro_mpt and zap_ro_mpt.
  func showMachineToPhys(in l4: UInt64, _ isShown: Bool) {
    let flags = PageFlags.present | PageFlags.user | PageFlags.accessed | PageFlags.dirty
    if isShown {
      setEntry(l4, HypervisorTable.m2pSlot, frame: hypervisorTable(HypervisorTable.m2pL3), flags)
    } else {
      processor.setPhysicalWord(0, at: l4 << 12 + HypervisorTable.m2pSlot * 8)
    }
  }

  // MARK: The GDT and LDT

  private func setDescriptorEntry(_ page: UInt64, frame: UInt64, _ flags: UInt64) {
    setEntry(hypervisorTable(HypervisorTable.domainL1), page, frame: frame, flags)
  }

  /// Maps a page of the guest's GDT; without one, a page of zeros: frame 0.
  func setGDTFrame(_ page: Int, _ frame: UInt64?) {
    setDescriptorEntry(
      UInt64(page), frame: frame ?? 0, frame == nil ? PageFlags.hypervisorReadOnly : PageFlags.hypervisor)
  }

  /// Maps a page of the guest's LDT, or takes it away.
  func setLDTFrame(_ page: Int, _ frame: UInt64?) {
    setDescriptorEntry(UInt64(16 + page), frame: frame ?? 0, frame == nil ? 0 : PageFlags.hypervisor)
  }

  /// The frame of a page of the LDT that is mapped.
  func ldtFrame(_ page: Int) -> UInt64? {
    let entry = processor.physicalWord(
      at: hypervisorTable(HypervisorTable.domainL1) << 12 + UInt64(16 + page) * 8)
    return entry & PageFlags.present == 0 ? nil : PageFlags.frame(entry)
  }
}
