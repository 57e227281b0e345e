import Testing
import XenPV

/// Goal: what a guest writes on its console comes out, what is typed goes in, and neither ring can be broken from inside.
///
/// `xen/include/public/io/console.h`; `xen/drivers/char/console.c`.
@Suite struct ConsoleTests {
  private typealias Failure = CallingGuest.Failure

  private final class Collected {
    var bytes: [UInt8] = []
  }

  private func domU() throws -> (CallingGuest, Collected, ring: UInt64, port: UInt32) {
    let guest = try CallingGuest()
    let collected = Collected()
    guest.computer.console = { collected.bytes.append($0) }
    let frame = guest.computer.domain.consoleFrame
    try #require(frame != 0 && guest.computer.domain.consolePort != 0)
    return (guest, collected, frame << 12, guest.computer.domain.consolePort)
  }

  private func indices(_ guest: CallingGuest, _ ring: UInt64) -> [UInt32] {
    (0..<4).map { index in
      let word = guest.computer.processor.physicalWord(at: ring + 3072 + UInt64(index / 2 * 8))
      return UInt32(truncatingIfNeeded: word >> (index % 2 == 0 ? 0 : 32))
    }
  }

  private func setOutput(_ guest: CallingGuest, _ ring: UInt64, _ consumer: UInt32, _ producer: UInt32) {
    guest.computer.processor.setPhysicalWord(UInt64(consumer) | UInt64(producer) << 32, at: ring + 3080)
  }

  /// The indices wrap past 2^32 and the bytes past the end of the ring.
  @Test func output() throws {
    let (guest, collected, ring, port) = try domU()
    let start = UInt32.max - 2
    for (index, byte) in "Hello".utf8.enumerated() {
      let at = ring + 1024 + UInt64((start &+ UInt32(index)) % 2048)
      guest.computer.processor.writePhysical([byte], at: at)
    }
    setOutput(guest, ring, start, start &+ 5)
    #expect(guest.call(.eventChannelOp, 4, with: [port]).0 == 0)
    #expect(collected.bytes == Array("Hello".utf8))
    #expect(indices(guest, ring)[2] == start &+ 5)
    #expect(guest.isPending(port))
  }

  @Test func anImpossibleProducerIsLeftAlone() throws {
    let (guest, collected, ring, port) = try domU()
    setOutput(guest, ring, 0, 2049)
    #expect(guest.call(.eventChannelOp, 4, with: [port]).0 == 0)
    #expect(collected.bytes.isEmpty && indices(guest, ring)[2...] == [0, 2049])
    #expect(!guest.isPending(port))
  }

  @Test func input() throws {
    let (guest, _, ring, port) = try domU()
    guest.computer.type(Array(repeating: 0x61, count: 1030))
    guest.execute([0x90])
    #expect(indices(guest, ring)[...1] == [0, 1024] && guest.isPending(port))
    #expect(guest.computer.processor.physicalWord(at: ring + 1016) == 0x6161_6161_6161_6161)
    // The guest takes 1000 and says so.
    guest.computer.processor.setPhysicalWord(1000 | 1024 << 32, at: ring + 3072)
    #expect(guest.call(.eventChannelOp, 4, with: [port]).0 == 0)
    #expect(indices(guest, ring)[...1] == [1000, 1030])
    #expect(guest.computer.domain.consoleInput.isEmpty)
  }

  /// A release build of Xen lets only a privileged domain use the hypervisor's own console.
  @Test func consoleIO() throws {
    let guest = try CallingGuest()
    #expect(guest.call(.consoleIO, 0, 1, CallingGuest.scratch) == Failure.EPERM)
    let privileged = try CallingGuest(isPrivileged: true)
    let collected = Collected()
    privileged.computer.console = { collected.bytes.append($0) }
    privileged.put([0x6F6C_6548, 0x0A21])
    #expect(privileged.call(.consoleIO, 0, 6, CallingGuest.scratch) == 0)
    #expect(collected.bytes == Array("Helo!\n".utf8))
    #expect(privileged.call(.consoleIO, 0, 6, 8) == Failure.EFAULT)
    #expect(privileged.call(.consoleIO, 5, 6, CallingGuest.scratch) == Failure.ENOSYS)
    privileged.computer.type([1, 2, 3])
    #expect(privileged.call(.consoleIO, 1, 2, CallingGuest.scratch) == 2)
    #expect(privileged.words(1)[0] & 0xFFFF == 0x0201)
    #expect(privileged.call(.consoleIO, 1, 0x8000_0000, CallingGuest.scratch) == Failure.E2BIG)
  }
}
