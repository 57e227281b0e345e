import Machine
import Testing
import XenPV

/// Goal: the privileged instructions of a PV kernel do what Xen 4.17 makes of them, and fault where it lets them fault.
///
/// `xen/arch/x86/pv/emul-priv-op.c`, `emul-inv-op.c`; `xen/arch/x86/msr.c`; `public/arch-x86/cpufeatureset.h`.
@Suite struct PrivilegedOperationsTests {
  private let handler = SmallKernel.base + 0x3000

  /// A guest whose #GP handler is known, with this virtual IOPL.
  private func guest(iopl: UInt32 = 1) throws -> CallingGuest {
    let guest = try CallingGuest()
    #expect(guest.call(.physdevOp, 6, with: [iopl]).0 == 0)
    guest.handle(vector: 13, at: handler)
    return guest
  }

  private func faults(_ guest: CallingGuest, _ instruction: [UInt8]) -> Bool {
    let before = guest.computer.domain.deliveries
    guest.execute(instruction)
    let delivered = guest.computer.domain.lastDelivery
    return guest.computer.domain.deliveries == before + 1 && delivered?.vector == 13 && delivered?.errorCode == 0
      && guest.computer.processor.rip == handler
  }

  /// Ports that nobody has read as all-ones, in the width of the instruction; the CMOS index and the PCI address are latches.
  @Test func ports() throws {
    let guest = try guest()
    let processor = guest.computer.processor
    for (code, width, result) in [
      ([0xEC], 1, 0x1122_3344_5566_77FF), ([0x66, 0xED], 2, 0x1122_3344_5566_FFFF), ([0xED], 4, 0xFFFF_FFFF),
    ] as [([UInt8], Int, UInt64)] {
      processor[.rdx] = 0x60
      processor[.rax] = 0x1122_3344_5566_7788
      guest.execute(code)
      #expect(processor[.rax] == result, "\(width)")
      #expect(guest.advance == UInt64(code.count))
    }
    processor[.rdx] = 0xCF8
    processor[.rax] = 0x8000_1234
    guest.execute([0xEF])
    processor[.rax] = 0
    guest.execute([0xED])
    #expect(processor[.rax] == 0x8000_1234)
    processor[.rax] = 0x0A
    guest.execute([0xE6, 0x70])
    processor[.rax] = 0
    guest.execute([0xE4, 0x70])
    #expect(processor[.rax] == 0x0A)
    guest.execute([0xE4, 0x71])
    #expect(processor[.rax] == 0xFF)
  }

  /// Without I/O privilege it is the bitmap that decides; a bit that is set refuses.
  @Test func portPermission() throws {
    let guest = try guest(iopl: 0)
    guest.computer.processor[.rdx] = 0x10
    #expect(faults(guest, [0xEC]))
    #expect(faults(guest, [0xFA]))
    let bitmap = SmallKernel.base + 0x5000
    guest.put([0, 0, 0, 0, 0xFFFE_0000], at: bitmap)
    #expect(
      guest.call(.physdevOp, 7, with: [UInt32(truncatingIfNeeded: bitmap), UInt32(bitmap >> 32), 0x90, 0]).0 == 0)
    guest.computer.processor[.rdx] = 0x10
    #expect(!faults(guest, [0xEC]))
    // Port 0x90 is permitted by its bit and outside the limit; 0x8F and 0x90 in one access are both.
    guest.computer.processor[.rdx] = 0x90
    #expect(faults(guest, [0xEC]))
    guest.computer.processor[.rdx] = 0x8F
    #expect(!faults(guest, [0xEC]))
    #expect(faults(guest, [0x66, 0xED]))
  }

  @Test func stringPorts() throws {
    let guest = try guest()
    let processor = guest.computer.processor
    guest.put([0, 0, 0, 0])
    processor[.rdi] = CallingGuest.scratch
    processor[.rcx] = 3
    processor[.rdx] = 0x60
    guest.execute([0xF3, 0x66, 0x6D])  // rep insw
    #expect(guest.words(3) == [0xFFFF_FFFF, 0x0000_FFFF, 0])
    #expect(processor[.rcx] == 0 && processor[.rdi] == CallingGuest.scratch + 6 && guest.advance == 3)
    // A fault leaves the registers at the element that failed.
    guest.handle(vector: 14, at: handler)
    processor[.rsi] = SmallKernel.base - 0x1000
    processor[.rcx] = 2
    guest.execute([0xF3, 0x6E])  // rep outsb
    // RCX is in the frame: the way to the handler is SYSRET.
    #expect(processor.rip == handler && processor.loadGuest(processor[.rsp]) == 2)
    #expect(processor[.rsi] == SmallKernel.base - 0x1000)
    #expect(guest.computer.domain.lastDelivery?.errorCode == 0)
    #expect(guest.computer.domain.vcpu.cr2 == SmallKernel.base - 0x1000)
  }

  /// CLI and STI are accepted and change nothing, not even with a single-step trap.
  @Test func interruptFlag() throws {
    let guest = try guest()
    let before = guest.computer.upcallMask
    guest.execute([0xFA])
    #expect(guest.advance == 1 && guest.computer.upcallMask == before)
    guest.execute([0xFB])
    #expect(guest.advance == 1 && guest.computer.upcallMask == before)
    guest.handle(vector: 1, at: handler)
    let deliveries = guest.computer.domain.deliveries
    guest.computer.processor.rflags.insert(.trap)
    guest.execute([0xFA])
    #expect(guest.advance == 1 && guest.computer.domain.deliveries == deliveries)
    guest.computer.processor.rflags.insert(.trap)
    guest.computer.processor[.rdx] = 0x60
    guest.execute([0xEC])
    #expect(guest.computer.domain.deliveries == deliveries + 1 && guest.computer.domain.vcpu.dr6 & 1 << 14 != 0)
    #expect(guest.computer.processor.rip == handler)
  }

  @Test func controlRegisters() throws {
    let guest = try guest()
    let processor = guest.computer.processor
    guest.execute([0x0F, 0x20, 0xC0])  // mov %cr0, %rax
    // PG AM WP NE ET MP PE.
    #expect(processor[.rax] == 0x8005_0033)
    processor[.rax] |= 8
    guest.execute([0x0F, 0x22, 0xC0])  // mov %rax, %cr0
    #expect(processor.taskSwitched)
    guest.execute([0x0F, 0x06])  // clts
    #expect(!processor.taskSwitched && guest.advance == 2)
    processor[.rax] = 0x8005_0032
    #expect(faults(guest, [0x0F, 0x22, 0xC0]))
    guest.execute([0x41, 0x0F, 0x20, 0xD8])  // mov %cr3, %r8
    #expect(processor[.r8] == guest.computer.domain.vcpu.guestTable)
    // The guest sees PAE MCE OSFXSR OSXMMEXCPT, and of what it asks TSD, DE and FSGSBASE.
    processor[.rax] = 0xFFFF_FFFF
    guest.execute([0x0F, 0x22, 0xE0])
    guest.execute([0x0F, 0x20, 0xE0])
    #expect(processor[.rax] == 0x1_066C)
    processor[.rax] = 0x1234
    guest.execute([0x0F, 0x22, 0xD0])
    guest.execute([0x0F, 0x20, 0xD1])  // mov %cr2, %rcx
    #expect(processor[.rcx] == 0x1234)
    #expect(processor.physicalWord(at: guest.computer.domain.vcpu.vcpuInfo + 16) == 0x1234)
    // mov %cr8, %rax
    #expect(faults(guest, [0x44, 0x0F, 0x20, 0xC0]))
  }

  /// What validate() does not let through stays a fault.
  @Test(
    arguments: [
      [0xF4], [0x0F, 0x01, 0xF8], [0x0F, 0x08], [0x0F, 0x01, 0x38], [0x0F, 0x00, 0xD0], [0x0F, 0x01, 0xF0],
    ] as [[UInt8]])
  func neverEmulated(instruction: [UInt8]) throws {
    let guest = try guest(iopl: 3)
    #expect(faults(guest, instruction))
  }

  @Test func modelSpecificRegisters() throws {
    let guest = try guest()
    let processor = guest.computer.processor
    func read(_ index: UInt64) -> UInt64 {
      processor[.rcx] = index
      guest.execute([0x0F, 0x32])
      #expect(guest.advance == 2)
      return processor[.rdx] << 32 | processor[.rax]
    }
    func refused(_ index: UInt64, write value: UInt64? = nil) -> Bool {
      processor[.rcx] = index
      if let value { (processor[.rax], processor[.rdx]) = (value & 0xFFFF_FFFF, value >> 32) }
      return faults(guest, value == nil ? [0x0F, 0x32] : [0x0F, 0x30])
    }
    #expect(read(0x277) == 0x0501_0007_0406)
    #expect(read(0x1B) == 0xFEE0_0900)
    #expect(read(0xC000_0080) == 0xD01)
    #expect(!refused(0xC000_0080, write: 0xD01) && refused(0xC000_0080, write: 0xD00))
    #expect(!refused(0xC000_0101, write: 0xFFFF_8880_0000_1000))
    #expect(processor.segmentBase(.gs) == 0xFFFF_8880_0000_1000 && read(0xC000_0101) == 0xFFFF_8880_0000_1000)
    #expect(!refused(0xC000_0102, write: 0x5000) && guest.computer.domain.vcpu.inactiveGSBase == 0x5000)
    #expect(refused(0xC000_0100, write: 1 << 63))
    #expect(refused(0xC000_0082) && refused(0xC000_0082, write: 0))
    #expect(refused(0x48) && refused(0x10, write: 0))
    #expect(read(0x179) == 0x0100_0C02)
  }

  /// Before a #GP handler is registered, a readable MSR reads as zero instead of faulting: Linux once relied on it.
  @Test func earlyReads() throws {
    let guest = try CallingGuest()
    guest.computer.processor[.rcx] = 0xC000_0082
    guest.computer.processor[.rax] = 5
    guest.execute([0x0F, 0x32])
    #expect(guest.computer.processor[.rax] == 0 && guest.advance == 2)
  }

  /// The marker, the leaves of the hypervisor, and the features that a PV kernel must not see.
  @Test func markedCPUID() throws {
    let guest = try guest()
    let processor = guest.computer.processor
    let marked: [UInt8] = [0x0F, 0x0B, 0x78, 0x65, 0x6E, 0x0F, 0xA2]
    func leaf(_ number: UInt64) -> [UInt64] {
      (processor[.rax], processor[.rcx]) = (number, 0)
      guest.execute(marked)
      #expect(guest.advance == 7)
      return [processor[.rax], processor[.rbx], processor[.rcx], processor[.rdx]]
    }
    // "XenVMMXenVMM"
    #expect(leaf(0x4000_0000) == [0x4000_0005, 0x566E_6558, 0x6558_4D4D, 0x4D4D_566E])
    #expect(leaf(0x4000_0001)[0] == 0x0004_0011)
    #expect(leaf(0x4000_0002) == [1, 0x4000_0000, 1, 0])
    let one = leaf(1)
    // HYPERVISOR; no PCID, PSE, PGE, PSE36, MTRR.
    #expect(one[2] >> 31 == 1 && one[2] & 1 << 17 == 0)
    #expect(one[3] & (1 << 3 | 1 << 12 | 1 << 13 | 1 << 17) == 0 && one[3] & 1 << 26 != 0)
    // FSGSBASE; no SMEP, SMAP, INVPCID.
    #expect(leaf(7)[1] & (1 | 1 << 7 | 1 << 10 | 1 << 20) == 1)
    // LM, NX, SYSCALL; no 1 GiB pages.
    #expect(leaf(0x8000_0001)[3] & (1 << 29 | 1 << 26 | 1 << 20 | 1 << 11) == 1 << 29 | 1 << 20 | 1 << 11)
    // Any other #UD stays one.
    guest.handle(vector: 6, at: handler)
    guest.execute([0x0F, 0x0B, 0x78, 0x65, 0x6E, 0x0F, 0x31])
    #expect(processor.rip == handler && guest.computer.domain.lastDelivery?.vector == 6)
  }
}
