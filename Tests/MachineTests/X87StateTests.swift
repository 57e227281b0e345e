import HostOracle
import Machine
import Testing

/// Goal: the x87 state's images in memory (FXSAVE, FNSTENV, FNSAVE and their loads), the MMX aliasing and whole
/// instruction sequences agree with the host processor.
@Suite struct X87StateTests {
  static let rounds = hostRounds(3000)

  /// A state of random pointers, an exception pending or not.
  private func state(_ operands: inout OperandSource) -> X87State {
    var state = operands.x87State()
    if operands.below(2) == 0 { state.statusWord = UInt16(truncatingIfNeeded: operands.next()) }
    state.instructionPointer = operands.next() >> 17
    state.operandPointer = operands.next() >> 17
    state.opcode = UInt16(truncatingIfNeeded: operands.next()) & 0x7FF
    return state
  }

  private func bytes(_ fields: X87EnvironmentFields, word: Bool) -> [UInt8] {
    (0..<7).flatMap { i in (0..<(word ? 2 : 4)).map { UInt8(truncatingIfNeeded: fields[i] >> UInt32(8 * $0)) } }
  }

  private func bytes(_ value: DoubleExtended) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value.significand >> UInt64(8 * $0)) }
      + (0..<2).map { UInt8(truncatingIfNeeded: value.signExponent >> UInt16(8 * $0)) }
  }

  /// What FNSTENV may write of this state. The host's kernel can switch tasks between the load of the state and the
  /// instruction, and AMD's XSAVE forgets the pointers when no exception is pending.
  private func environments(of state: X87State, word: Bool) -> [[UInt8]] {
    var forgotten = state
    (forgotten.instructionPointer, forgotten.operandPointer, forgotten.opcode) = (0, 0, 0)
    let all = state.hasPendingException ? [state] : [state, forgotten]
    return all.map { bytes($0.environment(), word: word) }
  }

  private func expectEqual(_ machine: X87State, _ host: FXSAVEArea, _ place: Comment) throws {
    try #require(
      X87Afterwards(machine.area, memory: [], flags: 0, ax: 0) == X87Afterwards(host, memory: [], flags: 0, ax: 0),
      place)
  }

  /// FXRSTOR and FXSAVE around FNSTCW, which changes nothing and waits for nothing.
  @Test func fxsaveAreaAgreesWithTheHost() throws {
    var operands = OperandSource(seed: 900)
    for _ in 0..<Self.rounds {
      let before = state(&operands)
      var area = FXSAVEArea(repeating: operands.next())
      let vectors = InlineArray<16, Vector128> { _ in operands.vector() }
      let format = FXSAVEFormat(wide: true, vectorCount: 16, pointers: .always)
      before.save(to: &area, mxcsr: .initial, vectors: vectors, format: format)
      var host = area
      var memory = [UInt8](repeating: 0, count: 108)
      var flags: UInt64 = 0x202
      var ax: UInt16 = 0
      oracleX87(0x13F, &host, &memory, &flags, &ax)

      // The pointers without a pending exception are a matter of the vendor.
      let pending = before.hasPendingException
      let first = pending ? 0 : 3
      if !pending {
        try #require(host[0] << 16 == area[0] << 16)
        let zeroed = host[0] >> 48 == 0 && host[1] == 0 && host[2] == 0
        try #require(zeroed || (host[0] == area[0] && host[1] == area[1] && host[2] == area[2]))
      }
      // MXCSR_MASK is the processor's own.
      try #require(UInt32(truncatingIfNeeded: host[3]) == UInt32(truncatingIfNeeded: area[3]))
      for i in first..<64 where i != 3 { try #require(host[i] == area[i], "quadword \(i)") }

      var restored = X87State()
      var restoredVectors = InlineArray<16, Vector128>(repeating: .zero)
      restored.restore(from: host, vectors: &restoredVectors, format: format)
      try expectEqual(restored, host, "restored")
      for i in 0..<16 { try #require(restoredVectors[i] == vectors[i]) }
      if pending {
        try #require(restored.instructionPointer == before.instructionPointer && restored.opcode == before.opcode)
      }
    }
  }

  /// SDM vol. 2, "FXSAVE" (32-bit pointers, 8 registers outside 64-bit mode); AMD APM vol. 2, "FXSAVE and FXRSTOR
  /// Instructions" (pointers).
  @Test func fxsaveFormatsDifferAsTheManualsSay() {
    var state = X87State()
    state.instructionPointer = 0x1234_5678_9ABC
    state.instructionSelector = 0x10
    state.operandPointer = 0x2345_6789_ABCD
    state.operandSelector = 0x2B
    state.opcode = 0x7D9
    let vectors = InlineArray<16, Vector128>(repeating: Vector128(low: 7, high: 8))
    func saved(_ wide: Bool, _ count: Int, _ pointers: X87PointerSaving) -> FXSAVEArea {
      var area = FXSAVEArea(repeating: 0x5A5A_5A5A_5A5A_5A5A)
      let format = FXSAVEFormat(wide: wide, vectorCount: count, pointers: pointers)
      state.save(to: &area, mxcsr: .initial, vectors: vectors, format: format)
      return area
    }
    let narrow = saved(false, 8, .always)
    #expect(narrow[0] == 0x07D9_0000_0000_037F)
    #expect(narrow[1] == 0x0010_5678_9ABC && narrow[2] == 0x002B_6789_ABCD && narrow[3] == 0xFFFF_0000_1F80)
    #expect(narrow[35] == 8 && narrow[36] == 0x5A5A_5A5A_5A5A_5A5A)
    #expect(saved(true, 16, .always)[1] == 0x1234_5678_9ABC)
    #expect(saved(true, 16, .always)[51] == 8 && saved(true, 16, .always)[52] == 0x5A5A_5A5A_5A5A_5A5A)
    let left = saved(true, 16, .onlyWhenPending)
    #expect(left[0] == 0x5A5A_0000_0000_037F && left[1] == 0x5A5A_5A5A_5A5A_5A5A && left[2] == left[1])
    let zeroed = saved(true, 16, .zeroUnlessPending)
    #expect(zeroed[0] == 0x037F && zeroed[1] == 0 && zeroed[2] == 0)
    #expect(saved(true, 0, .always)[20] == 0x5A5A_5A5A_5A5A_5A5A)

    state.loadControl(0x37E)
    state.statusWord = 1
    #expect(saved(true, 16, .onlyWhenPending)[1] == 0x1234_5678_9ABC)
    #expect(saved(true, 16, .zeroUnlessPending)[0] == 0x07D9_0000_8081_037E)

    var reserved = zeroed
    reserved[3] = 0x1_1F80
    #expect(X87State.mxcsr(of: reserved) == nil)
    #expect(X87State.mxcsr(of: zeroed) == .initial)
  }

  @Test(arguments: [false, true])
  func environmentsAgreeWithTheHost(word: Bool) throws {
    var operands = OperandSource(seed: 901)
    let size = word ? 14 : 28
    for _ in 0..<Self.rounds {
      let before = state(&operands)
      var host = before.area
      var memory = [UInt8](repeating: 0, count: 108)
      oracleX87Environment(.fnstenv, word, &host, &memory)
      let found = Array(memory[..<size])
      try #require(environments(of: before, word: word).contains(found), "fnstenv: \(found)")
      var after = before
      after.maskAll()
      try expectEqual(after, host, "fnstenv")

      host = before.area
      oracleX87Environment(.fnsave, word, &host, &memory)
      let registers = (0..<8).flatMap { bytes(before[$0]) }
      let saved = Array(memory[..<size])
      try #require(environments(of: before, word: word).contains(saved), "fnsave: \(saved)")
      try #require(Array(memory[size..<(size + 80)]) == registers, "fnsave")
      after = before
      after.initialize()
      try expectEqual(after, host, "fnsave")

      // A random environment, loaded over a random state in which nothing is pending.
      var random = state(&operands)
      random.clearExceptions()
      var fields = X87EnvironmentFields(repeating: 0)
      for i in 0..<7 {
        fields[i] = UInt32(truncatingIfNeeded: operands.next())
        if word { fields[i] &= 0xFFFF }
      }
      memory = bytes(fields, word: word) + (0..<8).flatMap { _ in bytes(operands.extended()) }
      memory += [UInt8](repeating: 0, count: 108 - memory.count)
      host = random.area
      oracleX87Environment(.fldenv, word, &host, &memory)
      after = random
      after.loadEnvironment(fields, word: word)
      try expectEqual(after, host, "fldenv")

      host = random.area
      oracleX87Environment(.frstor, word, &host, &memory)
      for i in 0..<8 {
        let place = size + 10 * i
        let significand = (0..<8).reduce(UInt64(0)) { $0 | UInt64(memory[place + $1]) << UInt64(8 * $1) }
        let signExponent = UInt16(memory[place + 8]) | UInt16(memory[place + 9]) << 8
        after.restore(UInt8(i), DoubleExtended(significand: significand, signExponent: signExponent))
      }
      try expectEqual(after, host, "frstor")
    }
  }

  @Test func mmxAliasesTheRegistersAsOnTheHost() throws {
    var operands = OperandSource(seed: 902)
    for _ in 0..<Self.rounds {
      var before = operands.x87State()
      let value = operands.quadword()
      var memory = value
      var host = before.area
      oracleMMX(.write, &host, &memory)
      before.enterMMX()
      before.setMMX(3, value)
      try expectEqual(before, host, "movq mm3, m64")

      before = operands.x87State()
      host = before.area
      oracleMMX(.read, &host, &memory)
      try #require(memory == before.mmx(3))
      before.enterMMX()
      try expectEqual(before, host, "movq m64, mm3")

      before = operands.x87State()
      host = before.area
      oracleMMX(.emms, &host, &memory)
      before.leaveMMX()
      try expectEqual(before, host, "emms")
    }
  }

  /// Chains of random instructions with everything masked: state left by one is met by the next.
  @Test func sequencesAgreeWithTheHost() throws {
    var operands = OperandSource(seed: 903)
    for _ in 0..<Self.rounds {
      var machine = operands.x87State()
      machine.loadControl(machine.control | X87Status.exceptions)
      var host = machine.area
      for _ in 0..<24 {
        let opcode = X87HostTests.opcodes[operands.below(X87HostTests.opcodes.count)]
        // FLDCW could unmask what is already flagged.
        if opcode.rawValue == 0x12F { continue }
        let value = operands.extended()
        var memory = bytes(value) + [UInt8](repeating: 0, count: 98)
        var flags = operands.next() & 0x8D5 | 0x202
        var ax: UInt16 = 0
        let size = if case .reads(let size) = opcode.memory { size } else { 0 }
        let operand = DoubleExtended(
          significand: size < 8 ? value.significand & (1 << UInt64(8 * size) - 1) : value.significand,
          signExponent: size == 10 ? value.signExponent : 0)
        _ = machine.execute(opcode, operand: operand, rflags: flags)
        oracleX87(opcode.rawValue, &host, &memory, &flags, &ax)
        try expectEqual(machine, host, "after \(String(0xD800 + Int(opcode.rawValue), radix: 16))")
      }
    }
  }

  /// SDM vol. 1, "x87 FPU Tag Word".
  @Test func tagWordClassifiesContents() {
    var state = X87State()
    #expect(state.tagWord == 0xFFFF)
    state.occupied = 0x7F
    state.registers[0] = DoubleExtended(significand: 1 << 63, signExponent: 0x3FFF)
    state.registers[1] = DoubleExtended(significand: 0, signExponent: 0x8000)
    state.registers[2] = DoubleExtended(significand: 1, signExponent: 0)
    state.registers[3] = DoubleExtended(significand: 1 << 63, signExponent: 0x7FFF)
    state.registers[4] = .indefinite
    state.registers[5] = DoubleExtended(significand: 1 << 62, signExponent: 0x3FFF)
    state.registers[6] = DoubleExtended(significand: 0, signExponent: 0x3FFF)
    #expect(state.tagWord == 0b11_10_10_10_10_10_01_00)
  }

  /// SDM vol. 2, "FSTENV" and the other instructions whose mnemonics begin with FN; FNENI, FNDISI and FNSETPM as the host
  /// processor has them.
  @Test func onlyTheNonWaitingInstructionsDoNotWait() {
    let nonWaiting = X87HostTests.opcodes.filter { !$0.waits }.map(\.rawValue)
    #expect(nonWaiting == [0x13F, 0x3E0, 0x3E1, 0x3E2, 0x3E3, 0x3E4, 0x53F, 0x7E0])
    #expect(!X87Opcode(escape: 0xD9, modRM: 0x37).waits && !X87Opcode(escape: 0xDD, modRM: 0x37).waits)
    #expect(X87Opcode(escape: 0xD9, modRM: 0x27).waits && X87Opcode(escape: 0xDD, modRM: 0x27).waits)
  }
}
