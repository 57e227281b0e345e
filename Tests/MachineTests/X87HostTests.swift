import HostOracle
import Machine
import Testing

/// Goal: every x87 encoding, executed on random states whole (stack, tags, control and status, unmasked exceptions
/// included), leaves what the host processor leaves: the host loads the state with FXRSTOR, executes the encoding, and
/// saves with FXSAVE. (571,200 comparisons; `LIMEN_HOST_ROUNDS` multiplies them.)
@Suite struct X87HostTests {
  static let opcodes: [X87Opcode] = (0..<0x800).map(X87Opcode.init).filter { opcode in
    let modRM = opcode.rawValue & 0xFF
    // Register forms, and one memory form each: [rdi].
    guard opcode.isDefined, modRM >= 0xC0 || modRM & 0xC7 == 0x07 else { return false }
    switch opcode.memory {
    case .none, .reads, .writes: return true
    case .readsEnvironment, .writesEnvironment: return false
    }
  }

  @Test(arguments: 0..<8)
  func instructionAgreesWithTheHost(escape: Int) throws {
    var operands = OperandSource(seed: 800 + UInt64(escape))
    var compared = 0
    for opcode in Self.opcodes where opcode.rawValue >> 8 == escape {
      var failures = 0
      for _ in 0..<hostRounds(1200) {
        let state = operands.x87State()
        var memory = [UInt8](repeating: 0, count: 108)
        let quadword = operands.quadword()
        let value =
          operands.below(2) == 0 ? operands.extended() : DoubleExtended(significand: quadword, signExponent: 0)
        for i in 0..<8 { memory[i] = UInt8(truncatingIfNeeded: value.significand >> UInt64(8 * i)) }
        for i in 0..<2 { memory[8 + i] = UInt8(truncatingIfNeeded: value.signExponent >> UInt16(8 * i)) }
        // FBLD of digits above 9 is undefined in the manual; the machine does as AMD's processors.
        let isDecimal = opcode.rawValue == 0x727 && HostProcessor.current.profile.vendor == .intel
        if isDecimal { for i in 0..<9 { memory[i] = min(memory[i] >> 4, 9) << 4 | min(memory[i] & 15, 9) } }
        let flags = operands.next() & 0x8D5
        let host = hostAfter(opcode, state, memory: memory, flags: flags)
        let machine = machineAfter(opcode, state, memory: memory, flags: flags)
        compared += 1
        if host != machine {
          failures += 1
          if failures > 2 { continue }
          let before = X87Afterwards(state.area, memory: memory, flags: flags, ax: 0)
          Issue.record(
            "\(String(0xD800 + Int(opcode.rawValue), radix: 16)) on \(before)\n  host    \(host)\n  machine \(machine)")
        }
      }
      if failures > 2 { Issue.record("\(String(0xD800 + Int(opcode.rawValue), radix: 16)): \(failures) failures") }
    }
    #expect(compared > 0)
  }
}
