import Machine
import Testing
import XenPV

/// Goal: whatever a guest asks of the services, with whatever arguments, the hypervisor answers and neither stops nor writes
/// outside the guest's own memory.
@Suite struct ServicesFuzzTests {
  /// Xorshift64*: the same sequence everywhere.
  private struct Random {
    var state: UInt64
    mutating func next() -> UInt64 {
      state ^= state >> 12
      state ^= state << 25
      state ^= state >> 27
      return state &* 0x2545_F491_4F6C_DD1D
    }
    mutating func below(_ bound: UInt64) -> UInt64 { next() % bound }
  }

  /// Zero, one, all ones, limits of widths, and addresses: a page of the guest's, its end, Xen's, one that is not canonical.
  private static let boundaries: [UInt64] = [
    0, 1, 2, 3, 7, 8, 63, 64, 0xFFF, 0x1000, 0x7FF0, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, 1 << 62, 1 << 63,
    ~0,
    CallingGuest.scratch, CallingGuest.scratch + 1, CallingGuest.scratch + 0xFFF, 0xFFFF_8000_0000_0000, 1 << 47,
  ]

  /// sched_op_compat, event_channel_op_compat, set_timer_op, xen_version, console_io, physdev_op_compat, grant_table_op, vcpu_op,
  /// sched_op, event_channel_op, physdev_op, hvm_op, sysctl, domctl, xenpmu_op, dm_op, mca.
  private static let calls: [UInt64] = [6, 15, 16, 17, 18, 19, 20, 24, 29, 32, 33, 34, 35, 36, 40, 41, 48]

  @Test(arguments: [(false, UInt64(1)), (true, 2)])
  func randomCalls(isPrivileged: Bool, seed: UInt64) throws {
    var random = Random(state: seed &* 0x9E37_79B9_7F4A_7C15)
    let guest = try CallingGuest(isPrivileged: isPrivileged)
    guest.computer.fork()
    var answered = 0
    for _ in 0..<20_000 {
      func argument(_ random: inout Random) -> UInt64 {
        switch random.below(4) {
        case 0: random.next()
        case 1: random.below(40)
        case 2: CallingGuest.scratch
        default: Self.boundaries[Int(random.below(UInt64(Self.boundaries.count)))]
        }
      }
      let words = (0..<16).map { _ in UInt32(truncatingIfNeeded: argument(&random)) }
      guest.put(words)
      let registers: [GeneralRegister] = [.rsi, .rdx, .r10, .r8, .r9]
      for register in registers { guest.computer.processor[register] = argument(&random) }
      guest.computer.processor[.rdi] = random.below(3) == 0 ? argument(&random) : random.below(16)
      guest.computer.processor[.rax] = Self.calls[Int(random.below(UInt64(Self.calls.count)))]
      let end = guest.execute([0x0F, 0x05])
      if case .unsupported(let what) = end { Issue.record("\(what)") }
      answered += 1
      // The frames of the hypervisor's own that a guest cannot be given are as they were.
      let map = guest.computer.domain.map
      #expect(guest.computer.processor.physicalWord(at: map.reservedDescriptors << 12) == 0)
      if end != .budget || guest.computer.domain.vcpu.isBlocked || guest.computer.domain.deliveries != 0 {
        guest.computer.restore()
      }
    }
    #expect(answered == 20_000)
  }

  /// Random bytes as instructions: what faults as privileged is emulated or given back, and never more.
  @Test func randomInstructions() throws {
    var random = Random(state: 77)
    let openings: [[UInt8]] = [
      [0x6C], [0x6D], [0x6E], [0x6F], [0xE4], [0xE5], [0xE6], [0xE7], [0xEC], [0xED], [0xEE], [0xEF], [0xFA], [0xFB],
      [0x0F],
      [0x0F, 0x01], [0x0F, 0x20], [0x0F, 0x21], [0x0F, 0x22], [0x0F, 0x23], [0x0F, 0x30], [0x0F, 0x32], [0x0F, 0x06],
      [0x0F, 0x09], [0x0F, 0x0B, 0x78, 0x65, 0x6E],
    ]
    let guest = try CallingGuest()
    guest.call(.physdevOp, 6, with: [1])
    guest.computer.fork()
    for index in 0..<20_000 {
      let prefixes = (0..<random.below(4)).map { _ in
        [0x66, 0x67, 0xF2, 0xF3, 0x48, 0x41, 0x2E, 0x64][Int(random.below(8))] as UInt8
      }
      let opening = openings[Int(random.below(UInt64(openings.count)))]
      let rest = (0..<10).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      for register in [GeneralRegister.rax, .rcx, .rdx, .rsi, .rdi] {
        guest.computer.processor[register] = Self.boundaries[Int(random.below(UInt64(Self.boundaries.count)))]
      }
      let end = guest.execute(prefixes + opening + rest)
      if case .unsupported(let what) = end { Issue.record("\(what)") }
      if end != .budget || guest.computer.domain.deliveries != 0 || index % 100 == 99 {
        guest.computer.restore()
      }
    }
  }
}
