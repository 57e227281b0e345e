/// Page faults that the hypervisor makes good: writes of the guest's kernel to its own L1 tables, and descriptors that are
/// read for the first time.
///
/// Xen `xen/arch/x86/traps.c`, `fixup_page_fault`, `handle_gdt_ldt_mapping_fault`; `xen/arch/x86/pv/ro-page-fault.c`,
/// `pv_ro_page_fault`, `ptwr_emulated_update`. Where Xen emulates the instruction, the processor executes it here with the page
/// writable, and all is undone unless every entry that it wrote may stand.
/// Not modelled: a string instruction does all its iterations where Xen does one at a time; what domain 0 writes to read-only
/// device memory.
import Machine

extension XenPVComputer {
  /// fixup_page_fault: whether the hypervisor made the fault good.
  func fixUpPageFault(_ errorCode: UInt32, address: UInt64) -> Bool {
    let (present, write, user, reserved, fetch): (UInt32, UInt32, UInt32, UInt32, UInt32) = (1, 2, 4, 8, 16)
    if address >= Layout.hypervisorStart && address < Layout.hypervisorEnd {
      let offset = address &- Layout.descriptors
      // The area of virtual CPU 0: 64 KiB of GDT, then as much of LDT.
      guard errorCode & (user | reserved) == 0, offset < 0x20000 else { return false }
      return handleDescriptorFault(errorCode, offset: offset)
    }
    guard domain.vcpu.isInKernel, errorCode & (reserved | fetch) == 0, errorCode & write != 0,
      errorCode & present != 0, domain.hasAssist(.writablePageTables) || domain.isPrivileged
    else { return false }
    return emulateTableWrite(address)
  }

  /// handle_gdt_ldt_mapping_fault: a page of the LDT is mapped when it is used; a descriptor that is not there is the guest's
  /// fault.
  private func handleDescriptorFault(_ errorCode: UInt32, offset: UInt64) -> Bool {
    let inTable = offset & 0xFFFF
    if offset < 0x10000 {
      handleException(.generalProtection, errorCode: UInt32(inTable & ~7))
      return true
    }
    if mapLDTPage(inTable) { return true }
    let address = domain.vcpu.ldtBase &+ inTable
    if Self.isCanonical(address) {
      injectPageFault(errorCode, address: address)
    } else {
      inject(13, errorCode: UInt32(inTable & ~3 | 4))
    }
    return true
  }

  /// ptwr_do_page_fault: the kernel wrote to a page that is an L1 table.
  private func emulateTableWrite(_ address: UInt64) -> Bool {
    guard let mapping = l1EntryAddress(of: address) else { return false }
    let entry = processor.physicalWord(at: mapping)
    let mfn = PageFlags.frame(entry)
    guard entry & (PageFlags.present | PageFlags.writable) == PageFlags.present, domain.map.isDomainFrame(mfn),
      isLockable(mfn), typeInUse(mfn) == .l1Table, let before = processor.physicalBytes(at: mfn << 12, count: 4096)
    else { return false }
    let domainBefore = domain
    let countBefore = processor[.rcx]
    let (exit, stores) = processor.guardedStep(writing: address)
    // Only a string instruction, which counts in RCX, may write more than one word: 8 bytes are the most that Xen emulates.
    let isString = processor[.rcx] != countBefore
    if case .budget = exit, isString || Set(stores.map { $0.linear & ~7 }).count <= 1,
      check(stores, of: address, mfn, before: before)
    {
      processor.keepGuardedStep()
      saveRegisters()
      return true
    }
    processor.undoGuardedStep()
    domain = domainBefore
    return false
  }

  /// ptwr_emulated_update: each word that was written becomes an entry, or none does.
  private func check(_ stores: [Store], of address: UInt64, _ mfn: UInt64, before: [UInt8]) -> Bool {
    var words: Set<UInt64> = []
    for store in stores {
      // Naturally aligned, and within the page that faulted.
      guard (store.linear ^ address) & ~0xFFF == 0, [1, 2, 4, 8].contains(store.size),
        store.linear & UInt64(store.size - 1) == 0
      else { return false }
      words.insert(store.linear & 0xFF8)
    }
    for offset in words.sorted() {
      let at = mfn << 12 + offset
      let new = processor.physicalWord(at: at)
      let old: UInt64 = before.field(Int(offset))
      processor.setPhysicalWord(old, at: at)
      var entry = new
      if new & PageFlags.present != 0 {
        guard let flips = try? getPageFromL1Entry(new) else { return false }
        entry = PageFlags.adjusted(new ^ flips, level: .l1Table)
      }
      processor.setPhysicalWord(entry, at: at)
      putPageFromL1Entry(old)
    }
    return true
  }
}
