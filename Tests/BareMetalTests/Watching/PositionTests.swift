import BareMetal
import Machine
import Testing
import WatchedRuns

/// Goal: the clock of a machine, whose differences number the boundaries, counts every step once, and a run stops right behind what it
/// noted.
struct PositionTests {
  private func computer(_ code: [UInt8]) throws -> BareMetalComputer {
    let computer = try BareMetalComputer(memorySize: 8 << 20, profile: .intel, hasLocalAPIC: false)
    let processor = computer.processor
    let start = LongModeStart { processor.writePhysical($0, at: $1) }
    try #require(start.start(processor))
    processor.writePhysical(code, at: LongModeStart.code)
    processor.rip = LongModeStart.code
    computer.fork()
    return computer
  }

  /// POPF sets NT and clears it again, in the middle of straight code.
  @Test func aRunStopsRightBehindAFlag() throws {
    // NOP; PUSH 4002; POPF; PUSH RAX; PUSH 2; POPF; PUSH RAX; HLT
    let computer = try computer([
      0x90, 0x68, 0x02, 0x40, 0, 0, 0x9D, 0x50, 0x68, 0x02, 0, 0, 0, 0x9D, 0x50, 0xF4,
    ])
    let processor = computer.processor
    processor.isWatched = true
    let start = processor.position
    for (steps, pushes) in [(3, 0), (6, 1)] as [(UInt64, UInt64)] {
      processor.clearTransitions()
      _ = computer.run(1000)
      #expect(processor.position - start == steps)
      #expect(processor.transitions.map(\.kind) == [.flags])
      #expect(processor[.rsp] == LongModeStart.stackTop - 8 * pushes)
    }
  }

  /// A timer ticks on and nothing lets its interrupt in: time passes, and so does a step each time, or such a run had no bound.
  @Test func aWaitForNothingHasABound() throws {
    // STI; HLT
    let computer = try computer([0xFB, 0xF4])
    let words: [(UInt16, UInt32)] = [(0x43, 0x34), (0x40, 100), (0x40, 0)]
    for (port, value) in words {
      _ = computer.board.writePort(port, size: 1, value: value, now: computer.processor.now)
    }
    for (port, value) in [(0x21, 0xFF), (0xA1, 0xFF)] as [(UInt16, UInt32)] {
      _ = computer.board.writePort(port, size: 1, value: value, now: computer.processor.now)
    }
    computer.refork()
    let stepped = FreeRunTests.watched(computer).stepped(100)
    let time = computer.processor.now
    #expect(stepped.complaint == nil && stepped.end == nil && computer.processor.state.isHalted)
    computer.restore()
    let free = FreeRunTests.watched(computer).free(100)
    #expect(free.difference(from: stepped) == nil && computer.processor.now == time)
    // 98 periods of 100 ticks.
    #expect(computer.processor.state.idleTime > 95 * 80_000)
  }

  /// A port takes a microsecond more than another instruction, and no step more.
  @Test func aPortTakesItsTime() throws {
    // OUT 80h, AL; IN AL, 80h; NOP; HLT
    let computer = try computer([0xE6, 0x80, 0xE4, 0x80, 0x90, 0xF4])
    let (start, time) = (computer.processor.position, computer.processor.now)
    for expected in [1001, 2002, 2003] as [UInt64] {
      _ = computer.step()
      #expect(computer.processor.now - time == expected)
    }
    #expect(computer.processor.position - start == 3)
  }

  /// A repetition is left between two iterations now and then, for events to be let in; each time is a step.
  @Test func aLongRepetitionIsSeveralSteps() throws {
    // REP LODSB; HLT
    let computer = try computer([0xF3, 0xAC, 0xF4])
    computer.processor[.rcx] = 200_000
    computer.processor[.rsi] = 0x10_0000
    computer.refork()
    // 200,000 = 3 * 65,536 + 3,392
    let stepped = FreeRunTests.watched(computer).stepped(4)
    #expect(stepped.complaint == nil && computer.processor.rip == LongModeStart.code + 2)
    #expect(computer.processor[.rcx] == 0)
    computer.restore()
    let free = FreeRunTests.watched(computer).free(4)
    #expect(free.difference(from: stepped) == nil && computer.processor.rip == LongModeStart.code + 2)
  }
}
