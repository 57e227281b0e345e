/// The cost of one trial's frame: fork a 512 MiB guest, let 20 pages become dirty, go back and close the fork.
///
/// Three drivers: the guest's own stores, which is what a trial does and includes decoding nothing but refilling the write
/// translations; the same from outside, to the same 20 pages; and to 20 other pages each time, which the host's caches do not hold.
import BareMetal
import Machine

struct ForkBenchmark {
  static let memory = 512 << 20
  static let pages = 20
  static let rounds = 20_000

  /// Microseconds a round.
  struct Cost {
    var wall = Double.infinity
    var processor = Double.infinity
  }

  let computer: BareMetalComputer
  private static let entry: UInt32 = 0x10_0000
  /// The end of the program's stores; the instruction there is the HLT.
  private static let end = UInt64(entry) + UInt64(pages) * 6

  init() throws {
    computer = try BareMetalComputer(memorySize: Self.memory, profile: .intel)
    // MOV DWORD PTR [disp32], EAX is six bytes in 32-bit code (SDM vol. 2, "MOV"; "ModR/M and SIB Bytes").
    var code: [UInt8] = []
    for page in 0..<Self.pages {
      code += [0x89, 0x05]
      withUnsafeBytes(of: UInt32(Self.address(page, round: 0)).littleEndian) { code.append(contentsOf: $0) }
    }
    code.append(0xF4)
    let segment = BareMetalComputer.Segment(
      address: UInt64(Self.entry), bytes: code[...], memorySize: UInt64(code.count))
    try computer.start(segments: [segment], entry: Self.entry, initrd: [], commandLine: "")
    // Every page has host memory behind it, as after a boot.
    for address in stride(from: UInt64(16 << 20), to: UInt64(Self.memory), by: 4096) {
      computer.processor.writePhysical([1], at: address)
    }
  }

  /// Pages spread over all of the memory above 16 MiB.
  private static func address(_ page: Int, round: Int) -> UInt64 {
    let slots = (memory >> 12) - 4096
    return UInt64((4096 + (page * 6151 + round * 7919) % slots) << 12 | 0x123 & ~3)
  }

  /// Rounds with stores by the guest itself.
  func byTheGuest() throws -> Cost {
    try measure { _ in
      if case .budget = computer.run(UInt64(Self.pages), until: Self.end), computer.processor.rip == Self.end { return }
      throw Child.Failure(description: "the benchmark's guest stands at \(computer.processor.rip), not \(Self.end)")
    }
  }

  /// Rounds with stores from outside.
  func fromOutside(otherPagesEachTime: Bool) throws -> Cost {
    let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
    return try measure { round in
      for page in 0..<Self.pages {
        computer.processor.writePhysical(bytes, at: Self.address(page, round: otherPagesEachTime ? round : 0))
      }
    }
  }

  private func measure(_ body: (Int) throws -> Void) throws -> Cost {
    func round(_ i: Int) throws {
      computer.fork()
      try body(i)
      precondition(computer.processor.memory.dirtyPageCount == Self.pages, "a round dirties \(Self.pages) pages")
      computer.restore()
      computer.drop()
    }
    for i in 0..<1000 { try round(i) }
    // The best of five parts, so that a busy host shows less.
    let part = Self.rounds / 5
    var best = Cost()
    for p in 0..<5 {
      let started = (wall: now(), processor: processorTime())
      for i in 0..<part { try round(p * part + i) }
      best.wall = min(best.wall, (now() - started.wall) / Double(part) * 1e6)
      best.processor = min(best.processor, (processorTime() - started.processor) / Double(part) * 1e6)
    }
    return best
  }
}
