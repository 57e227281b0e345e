/// x87 instructions: whether they may execute, their memory operands, and the images of FSAVE and FXSAVE. The stack and the
/// arithmetic are in `Arithmetic/X87*`.
///
/// Intel SDM vol. 1, "x87 FPU Exception Synchronization", "Handling x87 FPU Exceptions in Software"; vol. 3A, "x87 FPU
/// Floating-Point Error (#MF)", "Device Not Available Exception (#NM)"; vol. 2A, "WAIT/FWAIT", "FXSAVE", "FXRSTOR".
/// Not modelled: reporting through FERR# and IGNNE# while CR0.NE is clear.

extension Processor {
  func executeFloatingPoint(_ u: Operation) throws(Fault) {
    if u.pointee.imm & FloatingPointOperand.wait != 0 {
      let both = CR0.monitorCoprocessor | CR0.taskSwitched
      if s.pointee.cr0 & both == both { throw Fault.nm }
      return try reportPendingException()
    }
    if s.pointee.cr0 & (CR0.emulation | CR0.taskSwitched) != 0 { throw Fault.nm }
    let opcode = X87Opcode(rawValue: UInt16(truncatingIfNeeded: u.pointee.imm & 0x7FF))
    if opcode.waits { try reportPendingException() }
    if u.pointee.imm & FloatingPointOperand.checkOnly != 0 { return }

    var state = s.pointee.x87
    switch opcode.memory {
    case .readsEnvironment(let withRegisters): try loadImage(u, &state, withRegisters)
    case .writesEnvironment(let withRegisters): try storeImage(u, &state, withRegisters)
    case .none:
      let outcome = state.execute(opcode, operand: DoubleExtended(), rflags: s.pointee.rflags.rawValue)
      if let flags = outcome.flags { s.pointee.setArithmeticFlags(flags) }
      if let ax = outcome.ax { set(Slot.rax, ax) }
    case .reads(let size):
      let operand = try loadOperand(u, size)
      _ = state.execute(opcode, operand: operand, rflags: 0)
    case .writes(let size):
      if let result = state.execute(opcode, operand: DoubleExtended(), rflags: 0).store {
        try storeOperand(u, result, size)
      }
    }
    if !opcode.isControl {
      var operand: (pointer: UInt64, selector: UInt16)?
      if u.pointee.traits.contains(.memory) { operand = operandPlace(u) }
      state.recordInstruction(
        opcode, at: s.pointee.rip, selector: s.pointee.segments[SegmentName.cs.rawValue].selector, operand: operand)
    }
    s.pointee.x87 = state
  }

  /// #MF for an exception that an earlier instruction left pending.
  func reportPendingException() throws(Fault) {
    guard s.pointee.x87.hasPendingException else { return }
    guard s.pointee.cr0 & CR0.numericError != 0 else {
      throw Fault.unsupported("x87 errors reported through FERR# (CR0.NE clear)")
    }
    throw Fault.mf
  }

  // MARK: Memory operands

  /// The operand's offset in its segment, and the segment's selector.
  private func operandPlace(_ u: Operation) -> (pointer: UInt64, selector: UInt16) {
    let number = Int(u.pointee.imm >> FloatingPointOperand.segmentShift) & 7
    let selector = s.pointee.segments[number].selector
    if s.pointee.codeMode == .bits64 { return (effective(u), selector) }
    // Outside 64-bit code the micro-operation holds the linear address.
    return ((effective(u) &- s.pointee.registers[20 + number]) & 0xFFFF_FFFF, selector)
  }

  private func loadOperand(_ u: Operation, _ size: Int) throws(Fault) -> DoubleExtended {
    let stack = u.pointee.traits.contains(.stack)
    let at = linear(u)
    switch size {
    case 2: return DoubleExtended(significand: UInt64(try load(at, as: UInt16.self, stack: stack)))
    case 4: return DoubleExtended(significand: UInt64(try load(at, as: UInt32.self, stack: stack)))
    case 8: return DoubleExtended(significand: try load(at, as: UInt64.self, stack: stack))
    default:
      try requireMemory(at, count: 10, .read, stack: stack)
      return try loadExtended(at, stack)
    }
  }

  private func storeOperand(_ u: Operation, _ value: DoubleExtended, _ size: Int) throws(Fault) {
    let stack = u.pointee.traits.contains(.stack)
    let at = linear(u)
    switch size {
    case 2: try store(at, UInt16(truncatingIfNeeded: value.significand), stack: stack)
    case 4: try store(at, UInt32(truncatingIfNeeded: value.significand), stack: stack)
    case 8: try store(at, value.significand, stack: stack)
    default:
      try requireMemory(at, count: 10, .write, stack: stack)
      try storeExtended(at, value, stack)
    }
  }

  private func loadExtended(_ at: UInt64, _ stack: Bool) throws(Fault) -> DoubleExtended {
    DoubleExtended(
      significand: try load(at, as: UInt64.self, stack: stack),
      signExponent: try load(at &+ 8, as: UInt16.self, stack: stack))
  }

  private func storeExtended(_ at: UInt64, _ value: DoubleExtended, _ stack: Bool) throws(Fault) {
    try store(at, value.significand, stack: stack)
    try store(at &+ 8, value.signExponent, stack: stack)
  }

  // MARK: FLDENV, FNSTENV, FRSTOR, FNSAVE

  private func loadImage(_ u: Operation, _ state: inout X87State, _ withRegisters: Bool) throws(Fault) {
    let stack = u.pointee.traits.contains(.stack)
    let word = u.pointee.width == 2
    let fieldSize: UInt64 = word ? 2 : 4
    let at = linear(u)
    try requireMemory(at, count: Int(fieldSize) * 7 + (withRegisters ? 80 : 0), .read, stack: stack)
    var fields = X87EnvironmentFields(repeating: 0)
    for i in 0..<7 {
      let place = at &+ UInt64(i) &* fieldSize
      fields[i] =
        word
        ? UInt32(try load(place, as: UInt16.self, stack: stack)) : try load(place, as: UInt32.self, stack: stack)
    }
    state.loadEnvironment(fields, word: word)
    guard withRegisters else { return }
    for i in 0..<8 {
      state.restore(UInt8(i), try loadExtended(at &+ fieldSize &* 7 &+ UInt64(i) &* 10, stack))
    }
  }

  private func storeImage(_ u: Operation, _ state: inout X87State, _ withRegisters: Bool) throws(Fault) {
    let stack = u.pointee.traits.contains(.stack)
    let word = u.pointee.width == 2
    let fieldSize: UInt64 = word ? 2 : 4
    let at = linear(u)
    try requireMemory(at, count: Int(fieldSize) * 7 + (withRegisters ? 80 : 0), .write, stack: stack)
    let fields = state.environment()
    for i in 0..<7 {
      let place = at &+ UInt64(i) &* fieldSize
      if word {
        try store(place, UInt16(truncatingIfNeeded: fields[i]), stack: stack)
      } else {
        try store(place, fields[i], stack: stack)
      }
    }
    if withRegisters {
      for i in 0..<8 {
        try storeExtended(at &+ fieldSize &* 7 &+ UInt64(i) &* 10, state[UInt8(i)], stack)
      }
      state.initialize()
    } else {
      state.maskAll()
    }
  }

  // MARK: FXSAVE and FXRSTOR

  private func stateFormat(_ u: Operation) -> FXSAVEFormat {
    FXSAVEFormat(
      wide: u.pointee.vectorCode != 0, vectorCount: s.pointee.codeMode == .bits64 ? 16 : 8,
      pointers: profile.x87PointerSaving)
  }

  func saveState(_ u: Operation) throws(Fault) {
    let format = stateFormat(u)
    let stack = u.pointee.traits.contains(.stack)
    let at = linear(u)
    if at & 15 != 0 { throw Fault.gp() }
    try requireMemory(at, count: 512, .write, stack: stack)
    var area = FXSAVEArea(repeating: 0)
    for i in 0..<3 { area[i] = try load(at &+ UInt64(i) &* 8, as: UInt64.self, stack: stack) }
    s.pointee.x87.save(
      to: &area, mxcsr: MXCSR(rawValue: s.pointee.mxcsr), vectors: s.pointee.vectors, format: format)
    for i in 0..<format.quadwordCount { try store(at &+ UInt64(i) &* 8, area[i], stack: stack) }
  }

  func restoreState(_ u: Operation) throws(Fault) {
    let format = stateFormat(u)
    let stack = u.pointee.traits.contains(.stack)
    let at = linear(u)
    if at & 15 != 0 { throw Fault.gp() }
    try requireMemory(at, count: 512, .read, stack: stack)
    var area = FXSAVEArea(repeating: 0)
    for i in 0..<format.quadwordCount { area[i] = try load(at &+ UInt64(i) &* 8, as: UInt64.self, stack: stack) }
    guard let control = X87State.mxcsr(of: area) else { throw Fault.gp() }
    s.pointee.mxcsr = control.rawValue
    s.pointee.x87.restore(from: area, vectors: &s.pointee.vectors, format: format)
  }
}
