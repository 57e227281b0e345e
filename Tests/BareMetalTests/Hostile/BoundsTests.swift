import BareMetal
import Machine
import Testing

/// Goal: whatever takes time is charged, and every loop of the processor and of the board ends within the budget.
struct BoundsTests {
  private func computer(_ code: [UInt8], _ profile: Profile = .intel) throws -> BareMetalComputer {
    let computer = try BareMetalComputer(memorySize: 8 << 20, profile: profile)
    let processor = computer.processor
    let start = LongModeStart { processor.writePhysical($0, at: $1) }
    try #require(start.start(processor))
    processor.writePhysical(code, at: LongModeStart.code)
    processor.rip = LongModeStart.code
    return computer
  }

  private func isBound(_ end: BareMetalComputer.End) -> Bool {
    if case .budget = end { true } else { false }
  }

  /// REP counted as one instruction: RCX = 2^62 ran for ever.
  @Test(arguments: [[0xF3, 0xAA], [0xF3, 0xA4], [0xF3, 0xAC], [0xF3, 0xAE], [0xF3, 0xA6]] as [[UInt8]])
  func aRepetitionIsChargedByItsIterations(_ code: [UInt8]) throws {
    let computer = try computer(code)
    let processor = computer.processor
    processor[.rax] = 0
    processor[.rcx] = 1 << 62
    processor[.rdi] = 0x10_0000
    processor[.rsi] = 0x10_0000
    let before = processor.spent
    let end = computer.run(20_000)
    #expect(isBound(end), "ended with \(end)")
    #expect(processor.spent - before < 22_000)
    let done = 1 << 62 - processor[.rcx]
    #expect(done > 10_000 && done <= 22_000 * 64)
    // It stands between two iterations and has not retired.
    #expect(processor.rip == LongModeStart.code)
    #expect(processor[.rsi] == 0x10_0000 || processor[.rsi] - 0x10_0000 == done)
  }

  /// Repetitions that follow one another in one run: what they are charged ends it, however few instructions retire.
  @Test func aLoopOfRepetitionsEndsWithTheBudget() throws {
    // MOV RCX, 20000h; MOV RDI, 100000h; REP STOSB; JMP to the first
    let computer = try computer([
      0x48, 0xC7, 0xC1, 0, 0, 0x02, 0, 0x48, 0xC7, 0xC7, 0, 0, 0x10, 0, 0xF3, 0xAA, 0xEB, 0xEE,
    ])
    let before = computer.processor.spent
    let end = computer.run(20_000)
    #expect(isBound(end), "ended with \(end)")
    #expect(computer.processor.spent - before >= 20_000)
    #expect(computer.processor.spent - before < 22_000)
  }

  /// `rep stosb` through nobody's memory took 89 seconds.
  @Test func aRepetitionThroughAHole() throws {
    let computer = try computer([0xF3, 0xAA])
    computer.processor[.rcx] = 1 << 30
    computer.processor[.rdi] = 0xC000_0000
    let end = computer.run(32 * 1000)
    #expect(isBound(end), "ended with \(end)")
    #expect(1 << 30 - computer.processor[.rcx] <= 1001)
  }

  /// `rep outsb` grew the console's buffer without end.
  @Test func aRepetitionOfOutputIsHeardAsItIsMade() throws {
    let computer = try computer([0xF3, 0x6E, 0xF4])
    var heard: [UInt8] = []
    computer.console = { heard.append($0) }
    computer.processor[.rcx] = 1 << 40
    computer.processor[.rdx] = 0x3F8
    computer.processor[.rsi] = LongModeStart.handlers
    let end = computer.run(32 * 100)
    #expect(isBound(end), "ended with \(end)")
    #expect(heard.count <= 101 && heard.count >= 90)
    #expect(heard.allSatisfy { $0 == 0xF4 })
    #expect(computer.board.serial.output.isEmpty)
    // It ends as one instruction, and its last byte can stop the machine.
    computer.processor[.rcx] = 3
    let retired = computer.processor.retired
    let halted = computer.run(10_000)
    guard case .powerOff = halted else {
      Issue.record("ended with \(halted)")
      return
    }
    #expect(computer.processor.retired - retired == 2)
    #expect(heard.count >= 93)
  }

  /// An OUTS that resets the machine does so at its iteration.
  @Test func anIterationThatLeaves() throws {
    let computer = try computer([0xF3, 0x6E])
    computer.processor[.rcx] = 10
    computer.processor[.rdx] = 0xF4
    computer.processor[.rsi] = LongModeStart.handlers
    guard case .debugExit(status: 0xF4) = computer.run(10_000) else {
      Issue.record("did not leave")
      return
    }
    #expect(computer.processor[.rcx] == 9)
  }

  /// The livelock: an event whose frame lies outside RAM never completed, and `--bound` did not see it.
  @Test(arguments: Profile.plain)
  func anEventFrameInAHole(_ profile: Profile) throws {
    let computer = try computer([0xCC], profile)
    computer.processor[.rsp] = 0xFF00_0800
    let end = computer.run(10_000)
    guard case .powerOff = end else {
      Issue.record("ended with \(end)")
      return
    }
    #expect(computer.processor.rip == LongModeStart.handlers + 3 * 16 + 1)
    #expect(computer.processor[.rsp] == 0xFF00_0800 - 40)
  }

  /// One instruction ended Limen: the far part of an access has 3, 5, 6 or 7 bytes.
  @Test(arguments: 1...7)
  func theFarPartOfAnAccess(_ near: Int) throws {
    // MOV RAX, [RBX]; MOV [RBX], RCX
    let computer = try computer([0x48, 0x8B, 0x03, 0x48, 0x89, 0x0B, 0xF4])
    let address = UInt64(8 << 20) - UInt64(near)
    computer.processor[.rbx] = address
    computer.processor[.rcx] = 0x0123_4567_89AB_CDEF
    let end = computer.run(10_000)
    guard case .powerOff = end else {
      Issue.record("ended with \(end)")
      return
    }
    #expect(computer.processor[.rax] == UInt64.max << UInt64(near * 8))
    let stored = try #require(computer.processor.memory.bytes(at: address, count: near))
    #expect(stored == (0..<near).map { UInt8(truncatingIfNeeded: 0x0123_4567_89AB_CDEF >> ($0 * 8)) })
  }

  /// A store into the running block decoded the whole block again: 0.06 million instructions a second.
  @Test func codeThatWritesItselfIsDecodedNoMoreThanExecuted() throws {
    // 1: MOV [RIP + 0], AL (the immediate of the next); MOV CL, 0; thirty NOPs; ADD AL, 1; JMP 1b
    var code: [UInt8] = [0x88, 0x05, 1, 0, 0, 0, 0xB1, 0] + [UInt8](repeating: 0x90, count: 30) + [0x04, 1]
    code += [0xEB, UInt8(truncatingIfNeeded: -2 - code.count)]
    let computer = try computer(code)
    let processor = computer.processor
    _ = computer.run(2000)
    let (decoded, retired) = (processor.decodedInstructionCount, processor.retired)
    _ = computer.run(100_000)
    let executed = Int(processor.retired - retired)
    #expect(executed > 90_000)
    #expect(processor.decodedInstructionCount - decoded <= executed + 100)
    // A store to one byte of every four instructions, of a block of 32.
    let short: [UInt8] = [0x88, 0x05, 1, 0, 0, 0, 0xB1, 0, 0x04, 1, 0xEB, 0xF4] + [UInt8](repeating: 0x90, count: 60)
    processor.writePhysical(short, at: LongModeStart.code)
    processor.rip = LongModeStart.code
    _ = computer.run(2000)
    let (decodedShort, retiredShort) = (processor.decodedInstructionCount, processor.retired)
    _ = computer.run(100_000)
    #expect(processor.decodedInstructionCount - decodedShort <= Int(processor.retired - retiredShort) + 100)
    #expect(processor[.rcx] & 0xFF == processor[.rax] & 0xFF || processor[.rcx] & 0xFF == (processor[.rax] &- 1) & 0xFF)
  }

  /// Once it is left alone it is as fast as other code.
  @Test func codeThatWasWrittenOftenIsTranslatedLater() throws {
    // Twenty stores to the instruction at 2, then a loop over it. MOV ECX, 20; 1: MOV [2f + 1], CL; 2: MOV AL, 0; LOOP 1b;
    // 3: INC RAX; NOP; JMP 3b
    let code: [UInt8] = [
      0xB9, 20, 0, 0, 0, 0x88, 0x0D, 1, 0, 0, 0, 0xB0, 0, 0xE2, 0xF6, 0x48, 0xFF, 0xC0, 0x90, 0xEB, 0xFA,
    ]
    let computer = try computer(code)
    _ = computer.run(20_000)
    #expect(computer.processor.translatedBlockCount > 0)
    let decoded = computer.processor.decodedInstructionCount
    _ = computer.run(20_000)
    // A run that ends inside a block decodes an instruction by itself.
    #expect(computer.processor.decodedInstructionCount <= decoded + 3)
  }

  /// The first access after a move of the local APIC found it at its old place.
  @Test func theLocalAPICIsAtItsNewPlaceAtOnce() throws {
    // MOV ECX, 1B; MOV EAX, FED00900; XOR EDX, EDX; WRMSR; MOV ESI, [RBX]; MOV EDI, [RBP]; HLT
    let computer = try computer([
      0xB9, 0x1B, 0, 0, 0, 0xB8, 0x00, 0x09, 0xD0, 0xFE, 0x31, 0xD2, 0x0F, 0x30, 0x8B, 0x33, 0x8B, 0x7D, 0, 0xF4,
    ])
    computer.processor[.rbx] = 0xFED0_0030
    computer.processor[.rbp] = 0xFEE0_0030
    _ = computer.run(1000)
    #expect(computer.processor[.rsi] == 0x0005_0014)
    #expect(computer.processor[.rdi] == 0xFFFF_FFFF)
  }
}
