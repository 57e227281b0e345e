import BareMetal
import Machine
import Testing

/// Goal: MOVS and STOS under REP leave what their iterations do one by one, whichever of them are done at once: in either direction, over
/// pages, overlapping. SDM vol. 2, "MOVS", "STOS": the loops below are their pages.
struct StringMoveTests {
  private static let base: UInt64 = 0x10_0000
  private static let size = 4 * 4096

  @Test(arguments: [false, true], [false, true])
  func theIterationsOneByOne(moves: Bool, backwards: Bool) throws {
    var random = SystemRandomNumberGenerator.seeded(moves ? 7 : 11)
    for width in [1, 2, 4, 8] {
      // CLD or STD, REP, the operand size, the instruction, HLT.
      var code: [UInt8] = [backwards ? 0xFD : 0xFC]
      if width == 2 { code.append(0x66) }
      code.append(0xF3)
      if width == 8 { code.append(0x48) }
      code += [(moves ? 0xA4 : 0xAA) + (width == 1 ? 0 : 1), 0xF4]
      let computer = try BareMetalComputer(memorySize: 8 << 20, profile: .intel)
      let processor = computer.processor
      let start = LongModeStart { processor.writePhysical($0, at: $1) }
      try #require(start.start(processor))
      processor.writePhysical(code, at: LongModeStart.code)
      computer.fork()
      for _ in 0..<60 {
        var memory = (0..<Self.size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let count = Int(random.next() % UInt64(5000 / width))
        let reach = count * width
        let lowest = backwards ? reach : 0
        let room = UInt64(Self.size - reach - width)
        var to = lowest + Int(random.next() % room)
        // Half of them lie near one another, as overlaps do.
        var from = random.next() & 1 == 0 ? lowest + Int(random.next() % room) : to - 40 + Int(random.next() % 80)
        from = min(max(from, lowest), lowest + Int(room))
        computer.restore()
        processor.writePhysical(memory, at: Self.base)
        processor[.rax] = random.next()
        processor[.rcx] = UInt64(count)
        processor[.rdi] = Self.base + UInt64(to)
        processor[.rsi] = Self.base + UInt64(from)
        processor.rip = LongModeStart.code
        let value = (0..<width).map { UInt8(truncatingIfNeeded: processor[.rax] >> UInt64(8 * $0)) }
        let step = backwards ? -width : width
        for _ in 0..<count {
          memory.replaceSubrange(to..<to + width, with: moves ? Array(memory[from..<from + width]) : value)
          to += step
          if moves { from += step }
        }
        guard case .powerOff = computer.run(100_000) else {
          Issue.record("did not halt")
          return
        }
        let left = try #require(processor.memory.bytes(at: Self.base, count: Self.size))
        #expect(left == memory, "width \(width), \(count) of them")
        #expect(processor[.rcx] == 0)
        #expect(processor[.rdi] == Self.base + UInt64(to) && processor[.rsi] == Self.base + UInt64(from))
      }
    }
  }
}
