import Testing
import XenPV

/// Goal: time reaches the guest as Xen 4.17 brings it: clocks, timers, blocking, polling, shutting down.
///
/// What is expected follows `xen/common/sched/core.c`, `xen/common/domain.c`, `xen/arch/x86/time.c` and `public/xen.h`.
@Suite struct SchedulingTests {
  private typealias Failure = CallingGuest.Failure

  /// The guest computes the time from the TSC and vcpu_info; the two agree to the nanosecond.
  @Test func paravirtualClock() throws {
    let guest = try CallingGuest()
    let processor = guest.computer.processor
    guest.call(.vcpuOp, 7, 0)
    let address = guest.computer.domain.vcpu.vcpuInfo + 32
    let (first, parameters) = (processor.physicalWord(at: address), processor.physicalWord(at: address + 24))
    #expect(first & 1 == 0 && first & 0xFFFF_FFFF != 0)
    guest.execute([0x0F, 0x31])  // rdtsc
    let tsc = processor[.rdx] << 32 | processor[.rax]
    let shifted = (tsc - processor.physicalWord(at: address + 8)) << (parameters >> 32 & 0xFF)
    let product = shifted.multipliedFullWidth(by: parameters & 0xFFFF_FFFF)
    let time = processor.physicalWord(at: address + 16) + (product.high << 32 | product.low >> 32)
    // RDTSC read the time before it retired.
    #expect(time + 1 == processor.now)
  }

  /// The wall clock is what it was when system time was zero.
  @Test func wallClock() throws {
    let guest = try CallingGuest()
    let page = guest.sharedInfo
    let words = (0..<2).map { guest.computer.processor.physicalWord(at: page + 3072 + UInt64($0) * 8) }
    #expect(words[0] & 1 == 0 && words[0] & 0xFFFF_FFFF != 0)
    // 2026-01-01 00:00:00 UTC.
    #expect(words[0] >> 32 == 1_767_225_600 && words[1] == 0)
  }

  @Test func singleshotTimer() throws {
    let guest = try CallingGuest()
    let port = try guest.bindTimer()
    #expect(guest.call(.vcpuOp, 7, 0) == 0)
    let deadline = guest.computer.processor.now + 1000
    #expect(guest.call(.vcpuOp, 8, 0, putDeadline(guest, deadline)) == 0)
    #expect(!guest.isPending(port))
    // The guest spins: EB FE.
    guest.computer.processor.copyToGuest([0xEB, 0xFE], SmallKernel.base)
    guest.computer.processor.rip = SmallKernel.base
    #expect(guest.computer.run(900) == .budget)
    #expect(!guest.isPending(port))
    #expect(guest.computer.run(200) == .budget)
    #expect(guest.isPending(port) && guest.computer.upcallPending == 1)
    // A time that is past raises the event at once.
    #expect(guest.call(.eventChannelOp, 3, with: [port]).0 == 0)
    let again = try guest.bindTimer()
    #expect(guest.call(.vcpuOp, 8, 0, putDeadline(guest, 5)) == 0)
    #expect(guest.isPending(again))
  }

  private func putDeadline(_ guest: CallingGuest, _ time: UInt64) -> UInt64 {
    guest.put([UInt32(truncatingIfNeeded: time), UInt32(time >> 32), 0, 0])
    return CallingGuest.scratch
  }

  /// A new virtual CPU has a timer of 10 ms, which stands still while it is blocked.
  @Test func periodicTimer() throws {
    let guest = try CallingGuest()
    let port = try guest.bindTimer()
    guest.computer.processor.copyToGuest([0xEB, 0xFE], SmallKernel.base)
    guest.computer.processor.rip = SmallKernel.base
    _ = guest.computer.run(10_000_000 - guest.computer.processor.now - 10)
    #expect(!guest.isPending(port))
    _ = guest.computer.run(20)
    #expect(guest.isPending(port))
    #expect(guest.call(.vcpuOp, 6, 0, putDeadline(guest, 999_999)) == Failure.EINVAL)
  }

  /// SCHEDOP_block unmasks, lets time pass to the timer, and the upcall finds the guest behind the call.
  @Test func blocking() throws {
    let guest = try CallingGuest()
    _ = try guest.bindTimer()
    guest.call(.vcpuOp, 7, 0)
    let handler = SmallKernel.base + 0x3000
    // callback_op: register CALLBACKTYPE_event.
    guest.put([0, 0, UInt32(truncatingIfNeeded: handler), UInt32(handler >> 32)])
    guest.computer.processor[.rdi] = 0
    guest.computer.processor[.rsi] = CallingGuest.scratch
    guest.computer.processor[.rax] = 30
    guest.execute([0x0F, 0x05])
    #expect(guest.computer.processor[.rax] == 0)
    guest.computer.processor.copyToGuest([0xEB, 0xFE], handler)
    let deadline = guest.computer.processor.now + 1_000_000
    guest.call(.vcpuOp, 8, 0, putDeadline(guest, deadline))
    #expect(guest.call(.schedOp, 1, 0) == 0)
    #expect(guest.computer.upcallMask == 0 && guest.computer.domain.vcpu.isBlocked)
    #expect(guest.computer.run(10) == .budget)
    #expect(guest.computer.processor.rip == handler && guest.computer.upcallMask == 1)
    #expect(guest.computer.processor.now >= deadline && guest.computer.processor.now < deadline + 20)
    #expect(guest.computer.domain.lastDelivery?.kind == .eventUpcall)
    // The time spent blocked is in the runstate: state, entry time, running, runnable, blocked, offline.
    #expect(guest.call(.vcpuOp, 4, 0, CallingGuest.scratch) == 0)
    let runstate = guest.words(12)
    #expect(runstate[0] == 0 && guest.long(runstate, 8) > 990_000 && guest.long(runstate, 8) <= 1_000_000)
  }

  /// test_all_events: an exception, a machine check, an NMI and an upcall are pushed one on the other, without an instruction of
  /// the guest between them, and the explorer can hear of each.
  @Test func severalFramesInOneStep() throws {
    let guest = try CallingGuest()
    let handler = SmallKernel.base + 0x3000
    for vector: UInt8 in [2, 3, 18] { guest.handle(vector: vector, at: handler + UInt64(vector) * 16) }
    let before = guest.computer.domain.deliveries
    let rsp = guest.computer.processor[.rsp]
    guest.computer.domain.vcpu.nmi.isPending = true
    guest.computer.domain.vcpu.machineCheck.isPending = true
    guest.execute([0xCC])
    #expect(guest.computer.domain.deliveries == before + 3)
    let three = Array(guest.computer.domain.recentDeliveries.suffix(3))
    #expect(three.map(\.kind) == [.exception, .machineCheck, .nmi] && three.map(\.vector) == [3, 18, 2])
    #expect(three.map(\.rip) == [CallingGuest.code + 1, handler + 48, handler + 288])
    #expect(three.map(\.wasInKernel) == [true, true, true])
    // Seven words each, below an RSP that is aligned to 16 bytes first.
    #expect(three.map(\.previousRSP) == [rsp, rsp - 56, rsp - 120])
    #expect(three.map(\.frame) == [rsp - 56, rsp - 120, rsp - 184] && rsp & 15 == 0)
    #expect(guest.computer.processor.rip == handler + 32 && guest.computer.processor[.rsp] == rsp - 184)
  }

  /// With an event pending, blocking only unmasks; with nothing to wake it, the domain has ended.
  @Test func blockingForNothing() throws {
    let guest = try CallingGuest()
    guest.call(.vcpuOp, 7, 0)
    #expect(guest.call(.schedOp, 1, 0) == 0)
    #expect(guest.computer.run(10) == .powerOff)
  }

  /// SCHEDOP_poll waits for a port even where it is masked, or for a time.
  @Test func polling() throws {
    let guest = try CallingGuest()
    let port = try guest.bindTimer()
    guest.call(.vcpuOp, 7, 0)
    guest.setMasked(port, true)
    let list = CallingGuest.scratch + 64
    guest.put([port], at: list)
    let now = guest.computer.processor.now
    guest.call(.vcpuOp, 8, 0, putDeadline(guest, now + 5000))
    let structure = [UInt32(truncatingIfNeeded: list), UInt32(list >> 32), 1, 0, 0, 0]
    guest.put(structure)
    #expect(guest.call(.schedOp, 3, CallingGuest.scratch) == 0)
    #expect(guest.computer.domain.vcpu.isBlocked)
    guest.computer.processor.copyToGuest([0xEB, 0xFE], SmallKernel.base + 0x2002)
    #expect(guest.computer.run(10) == .budget)
    #expect(guest.computer.processor.now >= now + 5000 && !guest.computer.domain.vcpu.isBlocked)
    // It is pending already: no waiting.
    #expect(guest.call(.schedOp, 3, CallingGuest.scratch) == 0 && !guest.computer.domain.vcpu.isBlocked)
    guest.put([300], at: list)
    #expect(guest.call(.schedOp, 3, CallingGuest.scratch) == Failure.EINVAL)
    guest.put([structure[0], structure[1], 129, 0, 0, 0])
    #expect(guest.call(.schedOp, 3, CallingGuest.scratch) == Failure.EINVAL)
  }

  @Test(arguments: [(0, .powerOff), (1, .reboot)] as [(UInt32, XenPVComputer.End)])
  func shuttingDown(reason: UInt32, end: XenPVComputer.End) throws {
    let guest = try CallingGuest()
    guest.put([reason])
    guest.call(.schedOp, 2, CallingGuest.scratch)
    #expect(guest.computer.run(10) == end)
  }

  /// The first code counts: SCHEDOP_shutdown_code before SCHEDOP_shutdown.
  @Test func shutdownCode() throws {
    let guest = try CallingGuest()
    #expect(guest.call(.schedOp, 5, with: [1]).0 == 0)
    guest.put([0])
    guest.call(.schedOp, 2, CallingGuest.scratch)
    #expect(guest.computer.run(10) == .reboot)
  }

  @Test func errors() throws {
    let guest = try CallingGuest()
    #expect(guest.call(.schedOp, 0, 0) == 0)
    #expect(guest.call(.schedOp, 2, 8) == Failure.EFAULT)
    #expect(guest.call(.schedOp, 4, with: [99, 0]).0 == Failure.ESRCH)
    #expect(guest.call(.schedOp, 4, with: [1, 0]).0 == Failure.EPERM)
    #expect(guest.call(.schedOp, 7, with: [0]).0 == Failure.EPERM)
    #expect(guest.call(.schedOp, 8, 0) == Failure.ENOSYS)
    // Two watchdogs.
    #expect(guest.call(.schedOp, 6, with: [0, 100]).0 == 1)
    #expect(guest.call(.schedOp, 6, with: [0, 100]).0 == 2)
    #expect(guest.call(.schedOp, 6, with: [0, 100]).0 == Failure.ENOSPC)
    #expect(guest.call(.schedOp, 6, with: [1, 0]).0 == 0)
    #expect(guest.call(.schedOp, 6, with: [1, 5]).0 == Failure.EINVAL)
    #expect(guest.call(.schedOp, 6, with: [3, 5]).0 == Failure.EINVAL)
    // One virtual CPU, up and initialised.
    #expect(guest.call(.vcpuOp, 3, 0, 0) == 1)
    #expect(guest.call(.vcpuOp, 3, 1, 0) == Failure.ENOENT)
    #expect(guest.call(.vcpuOp, 0, 0, CallingGuest.scratch) == Failure.EEXIST)
    #expect(guest.call(.vcpuOp, 12, 0, CallingGuest.scratch) == Failure.EINVAL)
    #expect(guest.call(.vcpuOp, 11, 0, CallingGuest.scratch) == Failure.EINVAL)
    #expect(guest.call(.vcpuOp, 99, 0, 0) == Failure.ENOSYS)
  }

  /// VCPUOP_register_vcpu_info moves the structure once, and everything counts as pending.
  @Test func movingVCPUInfo() throws {
    let guest = try CallingGuest()
    let map = guest.computer.domain.map
    let frame = map.machineFrame(5)
    func register(_ frame: UInt64, _ offset: UInt32) -> Int64 {
      guest.put([UInt32(truncatingIfNeeded: frame), UInt32(frame >> 32), offset, 0])
      return guest.call(.vcpuOp, 10, 0, CallingGuest.scratch)
    }
    #expect(register(frame, 4040) == Failure.ENXIO)
    #expect(register(frame, 4) == Failure.ENXIO)
    #expect(register(map.sharedInfo - 1, 0) == Failure.EINVAL)
    #expect(register(1 << 40, 0) == Failure.EINVAL)
    #expect(register(frame, 64) == 0)
    #expect(guest.computer.domain.vcpu.vcpuInfo == frame << 12 + 64)
    #expect(guest.selector == ~0 && guest.computer.upcallPending == 1 && guest.computer.upcallMask == 1)
    #expect(register(frame, 128) == Failure.EINVAL)
  }
}
