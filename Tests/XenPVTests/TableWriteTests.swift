import Machine
import Testing
import XenPV

/// Goal: a PV kernel's own writes to its L1 tables are checked as its calls are, and have the effect of the instruction.
/// Xen `xen/arch/x86/pv/ro-page-fault.c`, `ptwr_emulated_update`.
@Suite struct TableWriteTests {
  private static let table: UInt64 = 8
  private static let code: UInt64 = 9

  /// A domain with a pinned L1 table at page 8, mapped read-only, and VMASST_TYPE_writable_pagetables.
  private func guest(assists: Bool = true) throws -> XenPVComputer {
    let computer = try SmallKernel.computer(SmallKernel.kernel(pages: 64))
    if assists {
      #expect(computer.call(HypercallArguments(number: Hypercall.vmAssist.rawValue, [0, 2])).result == 0)
    }
    let frame = computer.domain.map.machineFrame(Self.table)
    let mapping = HypercallArguments(number: 14, [SmallKernel.base + Self.table << 12, frame << 12 | 1, 2])
    #expect(computer.call(mapping).result == 0)
    computer.processor.copyToGuest([0, 0, 0, 0, 0, 0, 0, 0].flatMap(SmallKernel.number), SmallKernel.base + 1 << 12)
    computer.processor.copyToGuest(SmallKernel.number(0) + SmallKernel.number(frame), SmallKernel.base + 1 << 12)
    let pin = HypercallArguments(number: 26, [SmallKernel.base + 1 << 12, 1, 0, 0x7FF0])
    #expect(computer.call(pin).result == 0)
    return computer
  }

  /// Executes one instruction with RDI at entry `index` of the table; false where it faults: without a handler that is the end.
  private func execute(
    _ computer: XenPVComputer, _ bytes: [UInt8], offset: UInt64 = 0, rax: UInt64 = 0, rsi: UInt64 = 0, rcx: UInt64 = 0
  ) -> Bool {
    let at = SmallKernel.base + Self.code << 12
    computer.processor.copyToGuest(bytes, at)
    computer.processor[.rdi] = SmallKernel.base + Self.table << 12 + offset
    computer.processor[.rax] = rax
    computer.processor[.rsi] = rsi
    computer.processor[.rcx] = rcx
    computer.processor.rip = at
    let end = computer.step()
    #expect(computer.auditFrames() == [])
    return end == .budget && computer.processor.rip == at + UInt64(bytes.count)
  }

  private func entry(_ computer: XenPVComputer, _ index: UInt64 = 0) -> UInt64? {
    computer.processor.loadGuest(SmallKernel.base + Self.table << 12 + index * 8)
  }

  private static let store: [UInt8] = [0x48, 0x89, 0x07]
  private static let exchange: [UInt8] = [0x48, 0x87, 0x07]
  private static let compareExchange: [UInt8] = [0xF0, 0x48, 0x0F, 0xB1, 0x37]
  private static let andByte: [UInt8] = [0xF0, 0x80, 0x27, 0xFD]
  private static let storeLow: [UInt8] = [0x89, 0x07]

  @Test func writesBecomeEntries() throws {
    let computer = try guest()
    let frame = computer.domain.map.machineFrame(20)
    #expect(execute(computer, Self.store, rax: frame << 12 | 0x63))
    #expect(entry(computer) == frame << 12 | 0x67 | 1 << 52)
    // LOCK AND of one byte takes the write permission away, as ptep_set_wrprotect does.
    #expect(execute(computer, Self.andByte))
    #expect(entry(computer) == frame << 12 | 0x65 | 1 << 52)
    #expect(execute(computer, Self.exchange, rax: 0))
    #expect(computer.processor[.rax] == frame << 12 | 0x65 | 1 << 52)
    #expect(entry(computer) == 0)
    #expect(execute(computer, Self.compareExchange, rax: 0, rsi: frame << 12 | 5))
    #expect(entry(computer) == frame << 12 | 0x105 && computer.processor.rflags.contains(.zero))
    #expect(execute(computer, Self.compareExchange, rax: 0, rsi: 0))
    #expect(entry(computer) == frame << 12 | 0x105 && !computer.processor.rflags.contains(.zero))
    #expect(computer.processor[.rax] == frame << 12 | 0x105)
    #expect(execute(computer, Self.storeLow, offset: 12, rax: 0x1234))
    #expect(entry(computer, 1) == 0x1234 << 32)
    // The D flag of the mapping stays as it was: nothing was written through it.
    let leaf = try #require(computer.l1EntryAddress(of: SmallKernel.base + Self.table << 12))
    #expect(computer.processor.physicalWord(at: leaf) & 0x42 == 0)
  }

  @Test func refusedWritesFault() throws {
    let map = try guest().domain.map
    let refused: [UInt64] = [
      map.frameTable << 12 | 1, map.machineFrame(Self.table) << 12 | 3, map.machineFrame(20) << 12 | 0x81,
      UInt64(map.totalFrames) << 12 | 1,
    ]
    for value in refused {
      let computer = try guest()
      #expect(!execute(computer, Self.store, rax: value))
      #expect(computer.domain.shutdown == .crash(reason: "vector 14 has no handler"))
      #expect(computer.processor.physicalWord(at: computer.domain.map.machineFrame(Self.table) << 12) == 0)
    }
  }

  @Test func onlyAlignedWritesOfAKernelWithTheAssist() throws {
    var computer = try guest()
    #expect(!execute(computer, Self.store, offset: 4, rax: 0))
    computer = try guest(assists: false)
    #expect(!execute(computer, Self.store, rax: 0))
    computer = try guest()
    computer.domain.vcpu.isInKernel = false
    #expect(!execute(computer, Self.store, rax: 0))
  }

  /// A table that maps itself shows the entry as it is, read-only, while it is being changed.
  @Test func aTableMayMapItself() throws {
    let computer = try guest()
    let leaf = try #require(computer.l1EntryAddress(of: SmallKernel.base + Self.table << 12))
    let l1 = leaf >> 12
    let frame = computer.domain.map.machineFrame(20)
    // Page 12 becomes a window on the table that maps the kernel.
    let window = HypercallArguments(number: 14, [SmallKernel.base + 12 << 12, l1 << 12 | 1, 2])
    #expect(computer.call(window).result == 0)
    let old = computer.processor.physicalWord(at: l1 << 12 + 12 * 8)
    let offset = 12 << 12 - Self.table << 12 + 12 * 8
    #expect(execute(computer, Self.exchange, offset: UInt64(offset), rax: frame << 12 | 3))
    #expect(computer.processor[.rax] & ~0x60 == old & ~0x60)
    #expect(computer.processor.physicalWord(at: l1 << 12 + 12 * 8) & ~0x60 == frame << 12 | 7 | 1 << 52)
  }
}
