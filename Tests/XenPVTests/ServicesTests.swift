import Machine
import Testing
import XenPV

/// Goal: the calls that say what the hypervisor is, and those that a domU may not make, answer as Xen 4.17 answers a domU.
///
/// `xen/common/kernel.c`, `xen/arch/x86/physdev.c`, `xen/include/xsm/dummy.h`, and the files of each control interface.
@Suite struct ServicesTests {
  private final class Listener: Observer {
    var reads: [UInt64] = []
    var writes: [UInt64] = []
    var sizes: Set<Int> = []
    func read(_ linear: UInt64, size: Int, value: UInt64) {
      reads.append(linear)
      sizes.insert(size)
    }
    func wrote(_ linear: UInt64, size: Int, value: UInt64) {
      writes.append(linear)
      sizes.insert(size)
    }
    func delivered(_ vector: Vector, errorCode: UInt32?, from rip: UInt64) {}
  }

  /// What a call reads and writes of the guest's structures is heard in words: it is a part of what the call costs.
  @Test func structuresAreHeard() throws {
    let guest = try CallingGuest()
    let listener = Listener()
    guest.computer.processor.observer = listener
    // set_trap_table: one entry of 16 bytes, and one of zeros that ends the table.
    guest.handle(vector: 3, at: SmallKernel.base + 0x3000)
    #expect(listener.reads == (0..<4).map { CallingGuest.scratch + $0 * 8 } && listener.writes.isEmpty)
    listener.reads = []
    // VCPUOP_get_runstate_info: 48 bytes.
    #expect(guest.call(.vcpuOp, 4, 0, CallingGuest.scratch) == 0)
    #expect(listener.writes == (0..<6).map { CallingGuest.scratch + $0 * 8 } && listener.reads.isEmpty)
    #expect(listener.sizes == [8])
    guest.computer.processor.observer = nil
  }

  private typealias Failure = CallingGuest.Failure

  @Test func version() throws {
    let guest = try CallingGuest()
    #expect(guest.call(.xenVersion, 0, 0) == 0x0004_0011)
    #expect(guest.call(.xenVersion, 7, 0) == 4096)
    #expect(guest.call(.xenVersion, 7, 1) == Failure.EINVAL)
    #expect(guest.call(.xenVersion, 11, 0) == Failure.ENOSYS)
    #expect(guest.call(.xenVersion, 10, 0) == Failure.EPERM)
    #expect(guest.call(.xenVersion, 1, 8) == Failure.EFAULT)
    #expect(guest.call(.xenVersion, 5, CallingGuest.scratch) == 0)
    #expect(guest.long(guest.words(2), 0) == 0xFFFF_8000_0000_0000)
    #expect(guest.call(.xenVersion, 9, CallingGuest.scratch) == 0)
    // "<denied>"
    #expect(guest.words(3) == [0x6E65_643C, 0x3E64_6569, 0])
    #expect(guest.call(.xenVersion, 3, CallingGuest.scratch) == 0)
    // "xen-3.0-x86_64 "
    #expect(guest.words(4) == [0x2D6E_6578, 0x2D30_2E33, 0x5F36_3878, 0x0020_3436])
  }

  /// Real Xen 4.17 gave a domU of Debian's kernel these bits, and bit 4 once it had asked for pae_extended_cr3.
  @Test func features() throws {
    let guest = try CallingGuest()
    #expect(guest.call(.xenVersion, 6, with: [0, 0]) == (0, [0, 0x220E0]))
    #expect(guest.call(.xenVersion, 6, with: [1, 0]).0 == Failure.EINVAL)
    let privileged = try CallingGuest(isPrivileged: true)
    #expect(privileged.call(.xenVersion, 6, with: [0, 0]).1[1] == 0x220E0 | 1 << 11)
  }

  @Test func physicalDevices() throws {
    let guest = try CallingGuest()
    #expect(guest.call(.physdevOp, 6, with: [4]).0 == Failure.EINVAL)
    #expect(guest.call(.physdevOp, 6, with: [3]).0 == 0)
    #expect(guest.computer.domain.vcpu.iopl == 3 << 12)
    #expect(guest.call(.physdevOp, 7, with: [0, 0, 65537, 0]).0 == Failure.EINVAL)
    #expect(guest.call(.physdevOp, 7, with: [0, 0xFFFF_8000, 10, 0]).0 == Failure.EINVAL)
    #expect(guest.call(.physdevOp, 5, with: [1, 0]) == (0, [1, 1]))
    #expect(guest.call(.physdevOp, 5, with: [1000, 0]).0 == Failure.EINVAL)
    #expect(guest.call(.physdevOp, 12, with: [1]).0 == Failure.EINVAL)
    #expect(guest.call(.physdevOp, 8, with: [0, 0, 0, 0]).0 == Failure.EPERM)
    #expect(guest.call(.physdevOp, 21, with: [100, 0]).0 == Failure.EINVAL)
    #expect(guest.call(.physdevOp, 21, with: [1, 0]).0 == Failure.EPERM)
    #expect(guest.call(.physdevOp, 99, CallingGuest.scratch) == Failure.ENOSYS)
    #expect(guest.call(.physdevOp, 6, 8) == Failure.EFAULT)
  }

  /// The table starts with a frame and grows to 64; its frames are memory that the guest may map.
  @Test func grantTable() throws {
    let guest = try CallingGuest()
    let own: UInt32 = 0x7FF0
    func call(_ operation: UInt64, _ structure: [UInt32], count: UInt64 = 1) -> (Int64, [UInt32]) {
      guest.put(structure)
      return (guest.call(.grantTableOp, operation, CallingGuest.scratch, count), guest.words(structure.count))
    }
    #expect(call(6, [own, 0, 0, 9]) == (0, [own, 1, 64, 0]))
    #expect(call(6, [55, 0, 0, 0]).1[3] == 0xFFFE)
    #expect(call(6, [own, 0, 0, 0], count: 2).0 == Failure.EINVAL)
    #expect(call(8, [1]) == (0, [1]))
    #expect(call(8, [3]) == (Failure.EINVAL, [1]))
    let list = CallingGuest.scratch + 256
    let (low, high) = (UInt32(truncatingIfNeeded: list), UInt32(list >> 32))
    guest.put([UInt32](repeating: 0, count: 128), at: list)
    let (result, answer) = call(2, [own, 3, 0xFFFF, 0, low, high])
    #expect(result == 0 && answer[2] & 0xFFFF == 0)
    let frames = guest.words(6, at: list)
    #expect(guest.long(frames, 2) == guest.long(frames, 0) + 1 && guest.long(frames, 4) == guest.long(frames, 0) + 2)
    #expect(call(6, [own, 0, 0, 0]).1[1] == 3)
    #expect(call(2, [own, 65, 0, 0, low, high]).1[2] & 0xFFFF == 0xFFFF)
    // The last page of the kernel becomes a mapping of the first frame: update_va_mapping.
    let page = SmallKernel.base + 0xF000
    guest.computer.processor[.rdi] = page
    guest.computer.processor[.rsi] = guest.long(frames, 0) << 12 | 0x67
    guest.computer.processor[.rdx] = 2
    guest.computer.processor[.rax] = 14
    guest.execute([0x0F, 0x05])
    #expect(guest.computer.processor[.rax] == 0)
    guest.put([0x1234], at: page)
    #expect(guest.computer.processor.physicalWord(at: guest.long(frames, 0) << 12) == 0x1234)
    // A handle that was never given.
    #expect(call(1, [0, 0, 0, 0, 7, 0]).1[5] & 0xFFFF == 0xFFFC)
    #expect(guest.call(.grantTableOp, 1 << 20, CallingGuest.scratch, 1) == Failure.EINVAL)
    #expect(guest.call(.grantTableOp, 99, CallingGuest.scratch, 1) == Failure.ENOSYS)
  }

  @Test func controlInterfaces() throws {
    let guest = try CallingGuest()
    guest.put([UInt32](repeating: 0, count: 40))
    for number in [CallingGuest.Number.platformOp, .sysctl, .domctl] {
      #expect(guest.call(number, CallingGuest.scratch) == Failure.EACCES)
      #expect(guest.call(number, 8) == Failure.EFAULT)
    }
    guest.put([1, 0x0300_0001])
    #expect(guest.call(.platformOp, CallingGuest.scratch) == Failure.EPERM)
    guest.put([1, 0x15])
    #expect(guest.call(.sysctl, CallingGuest.scratch) == Failure.EPERM)
    guest.put([2, 0x15, 55])
    #expect(guest.call(.domctl, CallingGuest.scratch) == Failure.ESRCH)
    guest.put([2, 0x15, 0])
    #expect(guest.call(.domctl, CallingGuest.scratch) == Failure.EPERM)
    #expect(guest.call(.mca, CallingGuest.scratch) == Failure.EPERM)
    #expect(guest.call(.xenpmuOp, 4, CallingGuest.scratch) == Failure.EOPNOTSUPP)
    #expect(guest.call(.hvmOp, 10, CallingGuest.scratch) == 0)
    #expect(guest.call(.hvmOp, 77, CallingGuest.scratch) == Failure.ENOSYS)
    #expect(guest.call(.schedOpCompat, 1, 0) == 0)
    #expect(guest.computer.domain.vcpu.isBlocked)
  }
}
