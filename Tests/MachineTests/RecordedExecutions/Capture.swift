/// Makes a recording on the host processor: instructions and states as the comparisons draw them, and what does not matter to the
/// outcome left out.

import HostInstructions
import Machine

struct Capture {
  let host: HostExecutor
  private var source = FormSource(random: OperandSource(seed: 0x4C69_6D65_6E10))
  private var floating: VectorComparison
  /// What a part has and the plain profiles have not: SSSE3 to SSE4.2, BMI, MOVBE, LZCNT, POPCNT.
  let isExtended: Bool

  /// Executions of integer instructions; string instructions beside those; MMX and SSE instructions.
  static let integers = 1300, strings = 260, vectors = 900
  static let extendedIntegers = 400, extendedVectors = 900
  /// Of each x87 opcode.
  static let roundsOfX87 = 2

  /// Nil where the host has something else at the fixed addresses.
  init?(isExtended: Bool) {
    guard let floating = VectorComparison(seed: 0x4C69_6D65_6E11, isExtended: isExtended), let host = HostExecutor()
    else { return nil }
    self.isExtended = isExtended
    self.floating = floating
    self.host = host
  }

  mutating func recording() -> Recording {
    let processor = HostProcessor.current
    if isExtended { return extendedRecording(processor) }
    var recording = Recording(profile: processor.profile, processor: processor.description)
    while recording.executions.count < Self.integers {
      if let execution = integer(source.form()) { recording.executions.append(execution) }
    }
    while recording.executions.count < Self.integers + Self.strings {
      if let execution = integer(source.string()) { recording.executions.append(execution) }
    }
    for opcode in X87HostTests.opcodes where !Self.differsFromHostToHost(opcode) {
      for _ in 0..<Self.roundsOfX87 {
        let bytes = [0xD8 | UInt8(opcode.rawValue >> 8), UInt8(opcode.rawValue & 0xFF)]
        recording.executions.append(floatingExecution(bytes))
      }
    }
    for _ in 0..<Self.vectors {
      while true {
        let bytes = floating.instruction()
        if Self.isRecorded(bytes) {
          recording.executions.append(floatingExecution(bytes))
          break
        }
      }
    }
    return recording
  }

  private mutating func extendedRecording(_ processor: HostProcessor) -> Recording {
    let words = "\(processor.vendor) family \(processor.family) model \(processor.model) stepping \(processor.stepping)"
    var recording = Recording(profile: processor.extendedProfile, processor: words)
    while recording.executions.count < Self.extendedIntegers {
      if let execution = integer(source.bitManipulation()) { recording.executions.append(execution) }
    }
    for _ in 0..<Self.extendedVectors { recording.executions.append(floatingExecution(floating.instruction())) }
    return recording
  }

  // MARK: Drawing

  private mutating func integer(_ form: InstructionForm) -> RecordedExecution? {
    var execution = RecordedExecution(code: form.bytes, isFloating: false)
    func address(_ i: UInt64) -> Int? {
      let at = i &- RecordedState.memoryBase
      return at < UInt64(RecordedState.memorySize) ? Int(at) : nil
    }
    let registers = source.draw(
      form,
      write: { place, bytes in
        for (i, byte) in bytes.enumerated() {
          if let at = address(place &+ UInt64(i)) { execution.before.memory[at] = byte }
        }
      },
      read: { place in
        guard let at = address(place), at + 8 <= RecordedState.memorySize else { return 0 }
        return (0..<8).reduce(0) { $0 | UInt64(execution.before.memory[at + $1]) << UInt64(8 * $1) }
      })
    execution.before.registers = registers
    if case .string(let repeats, let compares) = form.setup, source.chance(3) {
      // Near the memory's end, so that it faults in the middle.
      let high = form.isShort ? source.random.next() << 32 : 0
      let end = UInt64(HOST_MEMORY_END) - UInt64(source.random.below(80))
      let other = compares ? Registers.rsi : Registers.rdi
      execution.before.registers[other] = end | high
      if compares { execution.before.registers[Registers.rdi] = FormSource.middle | high }
      if repeats, source.chance(2) { execution.before.registers[Registers.rcx] &= ~0xFFFF_FFFF | 31 }
    }
    let before = execution.before
    let operand =
      form.operandRegister.map { before.registers[$0] } ?? form.memory.map { memory in
        guard let at = address(memory.target), at + 8 <= RecordedState.memorySize else { return 0 }
        return (0..<8).reduce(0) { $0 | UInt64(before.memory[at + $1]) << UInt64(8 * $1) }
      } ?? 0
    let undefined = Undefined(form, before: before.registers, source: operand)
    if undefined.destination { return nil }
    let outcome = host.execute(execution)
    if outcome.vector < 0 { execution.undefined = undefined.flags }
    execution.outcome = outcome.fields(of: execution)
    // Which of two operands is reported when neither can be read no manual says, and AMD's processors differ.
    if case .string(_, true) = form.setup {
      return reduced(execution, keeping: [Registers.rsi, Registers.rdi])
    }
    return reduced(execution)
  }

  private mutating func floatingExecution(_ bytes: [UInt8]) -> RecordedExecution {
    var execution = RecordedExecution(code: bytes, isFloating: true)
    let isText = isExtended && VectorComparison.comparesStrings(bytes)
    execution.before.image = floating.image(isText: isText)
    let address = UInt64(HOST_MEMORY) + 0x800 + UInt64(floating.random.below(3) == 0 ? floating.random.below(16) : 0)
    execution.before.registers[Registers.rdi] = address
    execution.before.registers[15] = address
    for i in [Registers.rax, Registers.rcx, Registers.rdx, Registers.rbx] {
      execution.before.registers[i] = floating.random.quadword()
    }
    execution.before.registers[Registers.rflags] = 0x202 | floating.random.next() & 0x8D5
    let at = Int(address - RecordedState.memoryBase)
    let operand = floating.random.extended()
    let isX87 = bytes[0] & 0xF8 == 0xD8
    let low =
      isText
      ? floating.textQuadword()
      : isX87 && floating.random.below(2) == 0 ? operand.significand : floating.random.quadword()
    let high =
      isText
      ? floating.textQuadword() : isX87 ? UInt64(operand.signExponent) : floating.random.quadword()
    if isText {
      for i in [Registers.rax, Registers.rdx] {
        execution.before.registers[i] = UInt64(bitPattern: Int64(floating.random.below(40) - 20))
      }
    }
    execution.before.memory.replaceSubrange(at..<at + 8, with: FormSource.littleEndian(low, 8))
    execution.before.memory.replaceSubrange(at + 8..<at + 16, with: FormSource.littleEndian(high, 8))
    execution.outcome = host.execute(execution).fields(of: execution)
    return reduced(execution)
  }

  /// The transcendental instructions.
  private static func differsFromHostToHost(_ opcode: X87Opcode) -> Bool {
    let transcendental: [UInt16] = [0x1F0, 0x1F1, 0x1F2, 0x1F3, 0x1F9, 0x1FB, 0x1FE, 0x1FF]
    return transcendental.contains(opcode.rawValue)
  }

  /// Not the x87 instructions, which come by opcode; not FXSAVE and FXRSTOR, which surround each; not LDMXCSR, whose reserved bits
  /// are the processor's.
  private static func isRecorded(_ bytes: [UInt8]) -> Bool {
    guard let place = bytes.firstIndex(of: 0x0F), place + 2 < bytes.count else { return false }
    return bytes[place + 1] != 0xAE || bytes[place + 2] >> 3 & 7 == 3
  }

  // MARK: Reducing

  /// Puts whatever does not change the outcome back to `RecordedState.initial`.
  ///
  /// - Parameter kept: registers that stay.
  private func reduced(_ execution: RecordedExecution, keeping kept: Set<Int> = []) -> RecordedExecution {
    var least = execution
    let initial = RecordedState.initial
    func attempt(_ change: (inout RecordedState) -> Void) {
      var simpler = least
      change(&simpler.before)
      if host.execute(simpler).fields(of: simpler) == least.outcome { least = simpler }
    }
    for i in 0...Registers.rflags where least.before.registers[i] != initial.registers[i] && !kept.contains(i) {
      attempt { $0.registers[i] = initial.registers[i] }
    }
    let areas = stride(from: 0, to: RecordedState.memorySize, by: 8).filter {
      least.before.memory[$0..<$0 + 8] != initial.memory[$0..<$0 + 8]
    }
    for at in areas {
      attempt { $0.memory.replaceSubrange(at..<at + 8, with: initial.memory[at..<at + 8]) }
    }
    if least.isFloating {
      for i in 0..<RecordedState.wordCount { attempt { $0[word: i] = initial[word: i] } }
      for i in [2] + Array(stride(from: 4, to: 52, by: 2)) {
        attempt { ($0.image[i], $0.image[i + 1]) = (initial.image[i], initial.image[i + 1]) }
      }
    }
    return least
  }
}
