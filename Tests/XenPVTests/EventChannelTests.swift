import Testing
import XenPV

/// Goal: event channels are bound, closed and signalled as Xen 4.17 does, with its errors.
///
/// What is expected follows `xen/common/event_channel.c` and `xen/common/event_2l.c`.
@Suite struct EventChannelTests {
  private typealias Failure = CallingGuest.Failure
  /// DOMID_SELF.
  private let own: UInt32 = 0x7FF0

  @Test func virtualInterruptsAreBoundOnce() throws {
    let guest = try CallingGuest()
    let first = try guest.bindTimer()
    #expect(guest.call(.eventChannelOp, 1, with: [0, 0, 0]).0 == Failure.EEXIST)
    #expect(guest.call(.eventChannelOp, 1, with: [24, 0, 0]).0 == Failure.EINVAL)
    // VIRQ_TIMER belongs to a virtual CPU, which there is not; VIRQ_CONSOLE belongs to the domain.
    #expect(guest.call(.eventChannelOp, 1, with: [1, 1, 0]).0 == Failure.ENOENT)
    #expect(guest.call(.eventChannelOp, 1, with: [2, 1, 0]).0 == Failure.EINVAL)
    #expect(guest.call(.eventChannelOp, 3, with: [first]).0 == 0)
    #expect(guest.call(.eventChannelOp, 3, with: [first]).0 == Failure.EINVAL)
    #expect(try guest.bindTimer() == first)
    #expect(guest.call(.eventChannelOp, 1, 8).self == Failure.EFAULT)
    #expect(guest.call(.eventChannelOp, 99, CallingGuest.scratch) == Failure.ENOSYS)
  }

  /// A channel within the domain: a notification at one end is pending at the other.
  @Test func channelToItself() throws {
    let guest = try CallingGuest()
    let (allocated, unbound) = guest.call(.eventChannelOp, 6, with: [own << 16 | own, 0])
    #expect(allocated == 0)
    let far = unbound[1]
    #expect(guest.call(.eventChannelOp, 5, with: [own, far, 9, 9, 9, 9]).1[2...4] == [1, 0, 1])
    // A notification that nobody waits for is dropped.
    #expect(guest.call(.eventChannelOp, 4, with: [far]).0 == 0)
    #expect(!guest.isPending(far))
    let (bound, pair) = guest.call(.eventChannelOp, 0, with: [own, far, 0])
    #expect(bound == 0)
    let near = pair[2]
    #expect(near != far && guest.isPending(near))
    #expect(guest.call(.eventChannelOp, 0, with: [own, far, 0]).0 == Failure.EINVAL)
    guest.setMasked(far, true)
    #expect(guest.call(.eventChannelOp, 4, with: [near]).0 == 0)
    #expect(guest.isPending(far))
    #expect(guest.call(.eventChannelOp, 5, with: [own, near, 0, 0, 0, 0]).1[2...5] == [2, 0, 1, far])
    // Closing one end unbinds the other.
    #expect(guest.call(.eventChannelOp, 3, with: [near]).0 == 0)
    #expect(!guest.isPending(near))
    #expect(guest.call(.eventChannelOp, 5, with: [own, far, 0, 0, 0, 0]).1[2] == 1)
    #expect(guest.call(.eventChannelOp, 5, with: [own, near, 0, 0, 0, 0]).1[2] == 0)
  }

  @Test func otherDomains() throws {
    let guest = try CallingGuest()
    #expect(guest.call(.eventChannelOp, 6, with: [0, 0]).0 == Failure.EPERM)
    #expect(guest.call(.eventChannelOp, 6, with: [77, 0]).0 == Failure.ESRCH)
    #expect(guest.call(.eventChannelOp, 0, with: [77, 1, 0]).0 == Failure.ESRCH)
    #expect(guest.call(.eventChannelOp, 0, with: [0, 1, 0]).0 == Failure.EINVAL)
    // A port for another domain may be made for one that does not exist.
    #expect(guest.call(.eventChannelOp, 6, with: [77 << 16 | own, 0]).0 == 0)
    #expect(guest.call(.eventChannelOp, 2, with: [1, 0, 0]).0 == Failure.EPERM)
    #expect(guest.call(.eventChannelOp, 2, with: [100_000, 0, 0]).0 == Failure.EINVAL)
  }

  /// pending, mask, pending_sel and upcall_pending, in that order.
  @Test func pendingBits() throws {
    let guest = try CallingGuest()
    let (result, ipi) = guest.call(.eventChannelOp, 7, with: [0, 0])
    try #require(result == 0)
    let port = ipi[1]
    #expect(guest.selector == 0 && guest.computer.upcallPending == 0)
    guest.setMasked(port, true)
    guest.call(.eventChannelOp, 4, with: [port])
    #expect(guest.isPending(port) && guest.selector == 0 && guest.computer.upcallPending == 0)
    #expect(guest.call(.eventChannelOp, 9, with: [port]).0 == 0)
    #expect(guest.selector == 1 && guest.computer.upcallPending == 1)
    // The mask of the virtual CPU holds: nothing was delivered.
    #expect(guest.computer.upcallMask == 1 && guest.computer.domain.deliveries == 0)
    // Ports exist in blocks of 64.
    #expect(guest.call(.eventChannelOp, 9, with: [63]).0 == 0)
    #expect(guest.call(.eventChannelOp, 9, with: [64]).0 == Failure.EINVAL)
    #expect(guest.call(.eventChannelOp, 4, with: [63]).0 == Failure.EINVAL)
    #expect(guest.call(.eventChannelOp, 4, with: [0]).0 == Failure.EINVAL)
  }

  /// FIFO ABI: words in pages of the guest's, queues in the control block. `xen/common/event_fifo.c`.
  @Test func queues() throws {
    let guest = try CallingGuest()
    let processor = guest.computer.processor
    let map = guest.computer.domain.map
    let (control, array) = (map.machineFrame(5), map.machineFrame(6))
    #expect(guest.call(.eventChannelOp, 12, with: [UInt32(array), 0]).0 == Failure.EOPNOTSUPP)
    #expect(guest.call(.eventChannelOp, 11, with: [UInt32(control), 0, 4, 0, 0, 0]).0 == Failure.EINVAL)
    #expect(guest.call(.eventChannelOp, 11, with: [UInt32(control), 0, 4032, 0, 0, 0]).0 == Failure.EINVAL)
    #expect(guest.call(.eventChannelOp, 11, with: [UInt32(control), 0, 0, 1, 0, 0]).0 == Failure.ENOENT)
    #expect(guest.call(.eventChannelOp, 11, with: [1, 0, 0, 0, 0, 0]).0 == Failure.EINVAL)
    let ports = (0..<3).map { _ in guest.call(.eventChannelOp, 7, with: [0, 0]).1[1] }
    guest.setMasked(ports[0], true)
    guest.call(.eventChannelOp, 4, with: [ports[0]])
    let (result, answer) = guest.call(.eventChannelOp, 11, with: [UInt32(control), 0, 64, 0, 0, 0])
    #expect(result == 0 && answer[4] & 0xFF == 17)
    #expect(guest.call(.eventChannelOp, 11, with: [UInt32(control), 0, 64, 0, 0, 0]).0 == Failure.EINVAL)
    func word(_ port: UInt32) -> UInt32 {
      UInt32(
        truncatingIfNeeded: processor.physicalWord(at: array << 12 + UInt64(port / 2) * 8) >> (port & 1 == 0 ? 0 : 32))
    }
    func controlWord(_ index: UInt64) -> UInt32 {
      UInt32(
        truncatingIfNeeded: processor.physicalWord(at: control << 12 + 64 + index / 2 * 8) >> (index & 1 == 0 ? 0 : 32))
    }
    // What was pending becomes so again when its word appears: pending and linked, the head of the default queue 7.
    #expect(controlWord(0) == 0)
    #expect(guest.call(.eventChannelOp, 12, with: [UInt32(array), 0]).0 == 0)
    #expect(word(ports[0]) == 0xA000_0000 && controlWord(0) == 1 << 7 && controlWord(2 + 7) == ports[0])
    #expect(guest.computer.upcallPending == 1)
    // The next comes behind it.
    guest.call(.eventChannelOp, 4, with: [ports[1]])
    #expect(word(ports[0]) == 0xA000_0000 | ports[1] && word(ports[1]) == 0xA000_0000)
    // One of another priority has its own queue.
    #expect(guest.call(.eventChannelOp, 13, with: [ports[2], 16]).0 == Failure.EINVAL)
    #expect(guest.call(.eventChannelOp, 13, with: [ports[2], 0]).0 == 0)
    _ = guest.call(.eventChannelOp, 4, with: [ports[2]])
    #expect(controlWord(0) == 1 << 7 | 1 && controlWord(2) == ports[2])
    // A port that is on a queue does not come back before the guest has taken it off.
    #expect(guest.call(.eventChannelOp, 3, with: [ports[2]]).0 == 0)
    #expect(word(ports[2]) == 0x2000_0000)
    #expect(guest.call(.eventChannelOp, 7, with: [0, 0]).1[1] != ports[2])
    // Reset goes back to the 2-level ABI and gives the pages back.
    #expect(guest.call(.eventChannelOp, 10, with: [own]).0 == 0)
    #expect(guest.call(.eventChannelOp, 12, with: [UInt32(array), 0]).0 == Failure.EOPNOTSUPP)
  }

  @Test func portsRunOutAndComeBack() throws {
    let guest = try CallingGuest()
    var last: UInt32 = 0
    var count = 0
    while case (0, let ipi) = guest.call(.eventChannelOp, 7, with: [0, 0]), count < 2000 {
      last = ipi[1]
      count += 1
    }
    // A domU has ports up to 1023.
    #expect(last == 1023)
    #expect(guest.call(.eventChannelOp, 7, with: [0, 0]).0 == Failure.ENOSPC)
    #expect(guest.call(.eventChannelOp, 7, with: [1, 0]).0 == Failure.ENOENT)
    #expect(guest.call(.eventChannelOp, 10, with: [0]).0 == Failure.EPERM)
    #expect(guest.call(.eventChannelOp, 10, with: [own]).0 == 0)
    #expect(guest.call(.eventChannelOp, 7, with: [0, 0]).1[1] == 1)
  }

  /// EVTCHNOP_bind_vcpu moves what is not bound to a virtual CPU by its nature.
  @Test func movingToAVirtualCPU() throws {
    let guest = try CallingGuest()
    let timer = try guest.bindTimer()
    let global = guest.call(.eventChannelOp, 1, with: [2, 0, 0]).1[2]
    let ipi = guest.call(.eventChannelOp, 7, with: [0, 0]).1[1]
    #expect(guest.call(.eventChannelOp, 8, with: [timer, 0]).0 == Failure.EINVAL)
    #expect(guest.call(.eventChannelOp, 8, with: [ipi, 0]).0 == Failure.EINVAL)
    #expect(guest.call(.eventChannelOp, 8, with: [global, 0]).0 == 0)
    #expect(guest.call(.eventChannelOp, 8, with: [global, 1]).0 == Failure.ENOENT)
  }
}
