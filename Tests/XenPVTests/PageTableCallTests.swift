import Machine
import Testing
import XenPV

/// Goal: the calls that change page tables and descriptor tables check as Xen 4.17 does and answer with its errno.
/// Xen `xen/arch/x86/mm.c`, `xen/arch/x86/pv/descriptor-tables.c`.
@Suite struct PageTableCallTests {
  private static let (eperm, esrch, efault, ebusy, einval, enosys): (Int64, Int64, Int64, Int64, Int64, Int64) =
    (-1, -3, -14, -16, -22, -38)

  /// A domain with 64 pages of kernel, and the ways to call it.
  private struct Guest {
    let computer: XenPVComputer
    init(isPrivileged: Bool = false) throws {
      computer = try SmallKernel.computer(SmallKernel.kernel(pages: 64), isPrivileged: isPrivileged)
    }
    func address(_ page: UInt64) -> UInt64 { SmallKernel.base + page << 12 }
    func frame(_ page: UInt64) -> UInt64 { computer.domain.map.machineFrame(page) }
    func word(_ page: UInt64, _ index: UInt64) -> UInt64? { computer.processor.loadGuest(address(page) + index * 8) }
    func place(_ words: [UInt64]) -> UInt64 {
      computer.processor.copyToGuest(words.flatMap(SmallKernel.number), address(1))
      return address(1)
    }
    func call(_ hypercall: Hypercall, _ words: [UInt64]) -> Int64 {
      let (result, next) = computer.call(HypercallArguments(number: hypercall.rawValue, words))
      #expect(next == nil)
      return result
    }
    func map(_ page: UInt64, _ entry: UInt64) -> Int64 { call(.updateVAMapping, [address(page), entry, 2]) }
    func extended(_ command: UInt64, _ first: UInt64, _ second: UInt64 = 0) -> Int64 {
      call(.mmuextOp, [place([command, first, second]), 1, 0, 0x7FF0])
    }
    func update(_ pointer: UInt64, _ value: UInt64, foreign: UInt64 = 0x7FF0) -> Int64 {
      call(.mmuUpdate, [place([pointer, value]), 1, 0, foreign])
    }
    /// Makes a page a pinned table with these entries.
    func pin(_ page: UInt64, level: UInt64, _ entries: [UInt64: UInt64] = [:]) -> Int64 {
      _ = map(page, frame(page) << 12 | 3)
      computer.processor.copyToGuest([UInt8](repeating: 0, count: 4096), address(page))
      for (index, entry) in entries { _ = computer.processor.storeGuest(address(page) + index * 8, entry) }
      #expect(map(page, frame(page) << 12 | 1) == 0)
      return extended(level - 1, frame(page))
    }
  }

  /// The bits that the guest reads back: the kernel's pages become user pages that are marked, the user's become global.
  @Test func addedBits() throws {
    let guest = try Guest()
    let entries: [UInt64: UInt64] = [
      0: guest.frame(3) << 12 | 0x63, 1: guest.frame(3) << 12 | 0x67, 2: guest.frame(3) << 12, 3: 0xDEAD_B000,
    ]
    #expect(guest.pin(2, level: 1, entries) == 0)
    #expect(guest.word(2, 0) == guest.frame(3) << 12 | 0x67 | 1 << 52)
    #expect(guest.word(2, 1) == guest.frame(3) << 12 | 0x167)
    #expect(guest.word(2, 2) == guest.frame(3) << 12)
    #expect(guest.word(2, 3) == 0xDEAD_B000)
    #expect(guest.pin(4, level: 2, [5: guest.frame(2) << 12 | 3]) == 0)
    #expect(guest.word(4, 5) == guest.frame(2) << 12 | 7)
    #expect(guest.pin(5, level: 3, [0: guest.frame(4) << 12 | 3]) == 0)
    #expect(guest.pin(6, level: 4, [0: guest.frame(5) << 12 | 1]) == 0)
    #expect(guest.word(6, 0) == guest.frame(5) << 12 | 0x25)
    #expect(guest.computer.auditFrames() == [])
  }

  @Test func leafEntries() throws {
    let guest = try Guest()
    let map = guest.computer.domain.map
    #expect(guest.map(8, guest.frame(9) << 12 | 3) == 0)
    #expect(guest.map(8, map.sharedInfo << 12 | 3) == 0)
    #expect(guest.map(8, 0) == 0)
    for bit: UInt64 in [3, 4, 7] { #expect(guest.map(8, guest.frame(9) << 12 | 1 | 1 << bit) == Self.einval) }
    #expect(guest.map(8, guest.frame(9) << 12 | 0x101) == 0)
    // Frames of Xen's, of devices, beyond the machine, and INVALID_MFN.
    #expect(guest.map(8, map.frameTable << 12 | 1) == Self.ebusy)
    #expect(guest.map(8, UInt64(map.totalFrames) << 12 | 1) == Self.eperm)
    #expect(guest.map(8, 0xF_FFFF_FFFF_F001) == Self.einval)
    // A page table is never writable, and what is writable never a page table.
    #expect(guest.map(8, guest.computer.domain.vcpu.guestTable | 3) == Self.ebusy)
    #expect(guest.map(8, guest.computer.domain.vcpu.guestTable | 1) == 0)
    #expect(guest.extended(0, guest.frame(10)) == Self.einval)
    #expect(guest.call(.updateVAMapping, [Layout.hypervisorStart, 0, 0]) == Self.einval)
    #expect(guest.call(.updateVAMapping, [0x1000, 0, 0]) == Self.einval)
    #expect(guest.call(.updateVAMapping, [guest.address(8), 0, 0x1000_0001]) == Self.efault)
    #expect(guest.call(.updateVAMappingOtherdomain, [guest.address(8), 0, 0, 0x7FF0]) == 0)
    #expect(guest.call(.updateVAMappingOtherdomain, [guest.address(8), 0, 0, 0x7FF1]) == Self.eperm)
    #expect(guest.call(.updateVAMappingOtherdomain, [guest.address(8), 0, 0, 1]) == Self.esrch)
    #expect(guest.call(.updateVAMappingOtherdomain, [guest.address(8), 0, 0, 77]) == Self.esrch)
    #expect(guest.computer.auditFrames() == [])
  }

  @Test func upperEntries() throws {
    let guest = try Guest()
    let l4 = guest.computer.domain.vcpu.guestTable
    #expect(guest.pin(2, level: 3) == 0)
    #expect(guest.update(l4, guest.frame(2) << 12 | 7) == 0)
    #expect(guest.update(l4, guest.frame(2) << 12 | 0x87) == Self.einval)
    #expect(guest.update(l4, guest.frame(2) << 12 | 0x107) == Self.einval)
    #expect(guest.update(l4 + 256 * 8, 0) == Self.einval)
    #expect(guest.update(l4 + 271 * 8, 0) == Self.einval)
    #expect(guest.update(l4 + 272 * 8, 0) == 0)
    // An L4 leads to itself or to another L4, read-only; to an L2 never.
    #expect(guest.update(l4 + 8, l4 | 7) == Self.einval)
    #expect(guest.update(l4 + 8, l4 | 5) == 0)
    #expect(guest.pin(3, level: 4) == 0)
    #expect(guest.update(l4 + 16, guest.frame(3) << 12 | 5) == 0)
    #expect(guest.update(guest.frame(3) << 12, l4 | 5) == Self.einval)
    #expect(guest.pin(4, level: 2) == 0)
    #expect(guest.update(l4 + 24, guest.frame(4) << 12 | 5) == Self.einval)
    #expect(guest.computer.auditFrames() == [])
    for index in UInt64(0)..<4 { #expect(guest.update(l4 + index * 8, 0) == 0) }
    #expect(guest.extended(4, guest.frame(2)) == 0)
    #expect(guest.extended(4, guest.frame(2)) == Self.einval)
    #expect(guest.computer.auditFrames() == [])
  }

  @Test func updateCommands() throws {
    let guest = try Guest()
    let map = guest.computer.domain.map
    let entry = try #require(guest.computer.l1EntryAddress(of: guest.address(8)))
    _ = guest.computer.processor.storeGuest(guest.address(8), 1)
    let before = guest.computer.processor.physicalWord(at: entry)
    #expect(before & 0x60 == 0x60)
    // MMU_PT_UPDATE_PRESERVE_AD keeps what MMU_NORMAL_PT_UPDATE replaces.
    #expect(guest.update(entry | 2, guest.frame(8) << 12 | 3) == 0)
    #expect(guest.computer.processor.physicalWord(at: entry) == before)
    #expect(guest.update(entry, guest.frame(8) << 12 | 3) == 0)
    #expect(guest.computer.processor.physicalWord(at: entry) == before & ~0x60)
    #expect(guest.update(entry | 4, 0) == Self.enosys)
    // An ordinary page is written as it is.
    #expect(guest.update(guest.frame(9) << 12 + 8, 0xFFF) == 0)
    #expect(guest.word(9, 1) == 0xFFF)
    #expect(guest.update(map.frameTable << 12, 0) == Self.einval)
    #expect(guest.update(~7, 0) == Self.einval)
    // MMU_MACHPHYS_UPDATE.
    #expect(guest.update(guest.frame(9) << 12 | 1, 1234) == 0)
    #expect(guest.computer.processor.loadGuest(Layout.machineToPhys + guest.frame(9) * 8) == 1234)
    #expect(guest.update(map.frameTable << 12 | 1, 0) == Self.einval)
    // Domains: itself by number, one that is not, domain 0, DOMID_IO; page tables of another.
    #expect(guest.update(entry, 0, foreign: 1) == Self.esrch)
    #expect(guest.update(entry, 0, foreign: 9) == Self.esrch)
    #expect(guest.update(entry, 0, foreign: 0) == Self.eperm)
    #expect(guest.update(entry, UInt64(map.totalFrames) << 12 | 1, foreign: 0x7FF1) == Self.eperm)
    #expect(guest.update(entry, guest.frame(8) << 12 | 3, foreign: 0x2_7FF0) == 0)
    #expect(guest.update(entry, 0, foreign: 0x1_7FF0) == Self.eperm)
    #expect(guest.update(entry, 0, foreign: 0x5_7FF0) == Self.esrch)
    #expect(guest.computer.auditFrames() == [])
  }

  @Test func batches() throws {
    let guest = try Guest()
    let entry = try #require(guest.computer.l1EntryAddress(of: guest.address(8)))
    // The second fails: one is done.
    let list = guest.place([entry, 0, entry | 5, 0, entry, 0])
    #expect(guest.call(.mmuUpdate, [list, 3, guest.address(5), 0x7FF0]) == Self.enosys)
    #expect(guest.word(5, 0) == 1)
    #expect(guest.call(.mmuUpdate, [list, 1, guest.address(5), 0x7FF0]) == 0)
    #expect(guest.call(.mmuUpdate, [Layout.hypervisorStart, 1, 0, 0x7FF0]) == Self.efault)
    #expect(guest.call(.mmuUpdate, [0x5000, 1, 0, 0x7FF0]) == Self.efault)
    #expect(guest.call(.mmuUpdate, [0, 1 << 31, 0, 0xFFFF_FFEA]) == Self.einval)
    #expect(guest.call(.mmuextOp, [guest.place([22, 0, 0]), 1, 0, 0x7FF0]) == Self.enosys)
    #expect(guest.call(.mmuextOp, [0, 0, 0, 0]) == Self.eperm)
  }

  /// A batch that is long is cut, and says what is left.
  @Test func longBatchIsContinued() throws {
    let guest = try Guest()
    guest.computer.processor.copyToGuest([UInt8](repeating: 0, count: 48 << 12), guest.address(16))
    for page in UInt64(16)..<64 {
      for index in UInt64(0)..<256 {
        _ = guest.computer.processor.storeGuest(guest.address(page) + index * 16, guest.frame(8) << 12 + index * 8)
      }
    }
    var call = HypercallArguments(
      number: Hypercall.mmuUpdate.rawValue, [guest.address(16), 12288, guest.address(5), 0x7FF0])
    var rounds = 0
    while true {
      let (result, next) = guest.computer.call(call)
      #expect(result == 0)
      guard let next else { break }
      #expect(next.second & 1 << 31 != 0 && next.second & ~(1 << 31) < 12288)
      call = next
      rounds += 1
    }
    #expect(rounds > 1)
    #expect(guest.word(5, 0)! & 0xFFFF_FFFF == 12288)
  }

  @Test func basePointers() throws {
    let guest = try Guest()
    let l4 = guest.computer.domain.vcpu.guestTable >> 12
    #expect(guest.extended(5, guest.frame(9)) == Self.einval)
    #expect(guest.extended(5, l4) == 0)
    #expect(guest.extended(15, guest.frame(9)) == Self.einval)
    #expect(guest.extended(15, l4) == 0)
    #expect(guest.computer.domain.vcpu.guestTableUser == l4 << 12)
    // Unpinned, it is still in use.
    #expect(guest.extended(4, l4) == 0)
    #expect(guest.extended(15, 0) == 0)
    #expect(guest.computer.auditFrames() == [])
    #expect(guest.extended(4, l4) == Self.einval)
    #expect(guest.extended(3, l4) == 0)
    #expect(guest.extended(3, l4) == Self.einval)
    #expect(guest.extended(2, l4) == Self.einval)
    #expect(guest.extended(12, 0) == -13 && guest.extended(18, 0) == Self.einval && guest.extended(19, 0) == -95)
    #expect(guest.extended(14, 0) == Self.enosys)
  }

  @Test func descriptorTables() throws {
    let guest = try Guest()
    #expect(guest.call(.setGDT, [guest.place([guest.frame(9)]), 7169]) == Self.einval)
    #expect(guest.call(.setGDT, [Layout.hypervisorStart, 1]) == Self.efault)
    // It is mapped writable.
    #expect(guest.call(.setGDT, [guest.place([guest.frame(9)]), 512]) == Self.einval)
    _ = guest.computer.processor.storeGuest(guest.address(9) + 8, 0x00CF_9300_0000_FFFF)
    _ = guest.computer.processor.storeGuest(guest.address(9) + 16, 0x0000_EC00_E033_0000)
    #expect(guest.map(9, guest.frame(9) << 12 | 1) == 0)
    #expect(guest.call(.setGDT, [guest.place([guest.frame(9)]), 512]) == 0)
    // Privilege 3 is forced on code and data, 0 on a call gate, which keeps its own in the selector.
    #expect(guest.word(9, 1) == 0x00CF_F300_0000_FFFF)
    #expect(guest.word(9, 2) == 0x0000_8C00_E033_0000)
    #expect(guest.computer.processor.loadDataSegment(.ds, 8))
    #expect(guest.map(9, guest.frame(9) << 12 | 3) == Self.ebusy)
    #expect(guest.call(.updateDescriptor, [guest.frame(9) << 12 + 24, 0x00CF_9300_0000_FFFF]) == 0)
    #expect(guest.word(9, 3) == 0x00CF_F300_0000_FFFF)
    // A TSS is no descriptor for a guest; nor is an address inside a descriptor, or a page table.
    #expect(guest.call(.updateDescriptor, [guest.frame(9) << 12 + 24, 0x0000_8900_0000_0067]) == Self.einval)
    #expect(guest.call(.updateDescriptor, [guest.frame(9) << 12 + 4, 0]) == Self.einval)
    #expect(guest.call(.updateDescriptor, [guest.computer.domain.vcpu.guestTable, 0]) == Self.einval)
    #expect(guest.computer.auditFrames() == [])
    #expect(guest.call(.setGDT, [0, 0]) == 0)
    #expect(guest.map(9, guest.frame(9) << 12 | 3) == 0)
    #expect(guest.extended(13, guest.address(10) + 8, 1) == Self.einval)
    #expect(guest.extended(13, guest.address(10), 8193) == Self.einval)
    #expect(guest.extended(13, Layout.hypervisorStart, 1) == Self.einval)
    #expect(guest.computer.auditFrames() == [])
  }

  @Test func wholePages() throws {
    let guest = try Guest()
    _ = guest.computer.processor.storeGuest(guest.address(9), 77)
    #expect(guest.extended(17, guest.frame(10), guest.frame(9)) == 0)
    #expect(guest.word(10, 0) == 77)
    #expect(guest.extended(16, guest.frame(10)) == 0)
    #expect(guest.word(10, 0) == 0)
    #expect(guest.extended(16, guest.computer.domain.vcpu.guestTable >> 12) == Self.einval)
    #expect(guest.extended(17, guest.frame(10), guest.computer.domain.map.frameTable) == Self.einval)
    #expect(guest.computer.auditFrames() == [])
  }

  @Test func reservations() throws {
    let guest = try Guest()
    func memory(_ operation: UInt64, _ list: UInt64, _ count: UInt64, order: UInt64 = 0) -> Int64 {
      guest.call(.memoryOp, [operation, guest.place([list, count, order, 0x7FF0])])
    }
    _ = guest.computer.processor.storeGuest(guest.address(4), guest.frame(4000))
    _ = guest.computer.processor.storeGuest(guest.address(4) + 8, guest.frame(4001))
    _ = guest.computer.processor.storeGuest(guest.address(4) + 16, guest.computer.domain.map.frameTable)
    // The third is not the domain's: two are done.
    #expect(memory(1, guest.address(4), 3) == 2)
    #expect(guest.call(.memoryOp, [3, guest.place([0x7FF0])]) == 4094)
    #expect(guest.call(.memoryOp, [4, guest.place([0x7FF0])]) == 4096)
    #expect(guest.call(.memoryOp, [3, guest.place([55])]) == Self.esrch)
    #expect(guest.map(8, guest.frame(4000) << 12 | 3) == Self.ebusy)
    // A page that is mapped lives on until it is not.
    _ = guest.computer.processor.storeGuest(guest.address(4), guest.frame(20))
    #expect(memory(1, guest.address(4), 1) == 1)
    #expect(guest.call(.memoryOp, [3, guest.place([0x7FF0])]) == 4094)
    #expect(guest.map(20, 0) == 0)
    #expect(guest.call(.memoryOp, [3, guest.place([0x7FF0])]) == 4093)
    #expect(guest.computer.auditFrames() == [])
    // It comes back under another number.
    _ = guest.computer.processor.storeGuest(guest.address(4), 5000)
    #expect(memory(6, guest.address(4), 1) == 1)
    let frame = try #require(guest.word(4, 0))
    #expect(guest.computer.processor.loadGuest(Layout.machineToPhys + frame * 8) == 5000)
    #expect(guest.map(20, frame << 12 | 3) == 0)
    #expect(memory(6, guest.address(4), 5, order: 20) == 0)
    #expect(guest.call(.memoryOp, [7, guest.place([0x7FF0, 0, 0])]) == -13)
    #expect(guest.call(.memoryOp, [9, guest.place([1, guest.address(4)])]) == Self.enosys)
    #expect(guest.call(.memoryOp, [10, guest.place([1, guest.address(4)])]) == Self.eperm)
    #expect(guest.call(.memoryOp, [12, guest.address(1)]) == 0)
    #expect(guest.word(1, 0) == 0xFFFF_8000_0000_0000 && guest.word(1, 1) == 0xFFFF_8040_0000_0000)
    #expect(guest.computer.auditFrames() == [])
  }
}
