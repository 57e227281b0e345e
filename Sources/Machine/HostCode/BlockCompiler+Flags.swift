/// Which flags are seen, and the guest's flags between RAX and the host's own.
///
/// SDM vol. 1, "Status Flags"; each instruction's "Flags Affected". Where the manual leaves a flag undefined the code leaves what
/// the interpreter's bodies leave (`Arithmetic/Processor+Arithmetic.swift`), so that nobody can tell which of them ran.

extension BlockCompiler {
  /// For each micro-operation, whether somebody may see the flags that it leaves: a reader, or whoever goes on at an exit.
  func flagLiveness() -> [Bool] {
    let count = Int(block.pointee.operationCount)
    var result = [Bool](repeating: true, count: count)
    var seen = true
    for i in (0..<count).reversed() {
      result[i] = seen
      switch Self.flagUse(block.pointee.operations[i]) {
      case .none: break
      case .writes: seen = false
      case .reads: seen = true
      }
    }
    return result
  }

  enum FlagUse {
    case none
    /// All are written, and none is read.
    case writes
    /// Some are read or kept, or the code may be left here.
    case reads
  }

  static func flagUse(_ u: MicroOperation) -> FlagUse {
    switch u.opcode {
    case .nop, .move8, .move16, .move32, .move64, .lea16, .lea32, .lea64, .address32, .zeroExtend8, .zeroExtend16,
      .zeroExtend8To16, .signExtend8To16, .signExtend8To32, .signExtend8To64, .signExtend16To32, .signExtend16To64,
      .signExtend32To64, .not8, .not16, .not32, .not64, .exchange8, .exchange16, .exchange32, .exchange64:
      return .none
    case .add8, .add16, .add32, .add64, .or8, .or16, .or32, .or64, .and8, .and16, .and32, .and64, .sub8, .sub16, .sub32,
      .sub64, .xor8, .xor16, .xor32, .xor64, .cmp8, .cmp16, .cmp32, .cmp64, .test8, .test16, .test32, .test64, .neg8,
      .neg16, .neg32, .neg64, .imul32, .imul64:
      return .writes
    case .shl32, .shl64, .shr32, .shr64, .sar32, .sar64:
      let width = u.opcode == .shl32 || u.opcode == .shr32 || u.opcode == .sar32 ? 4 : 8
      return u.src == Slot.zero && u.imm & (width == 8 ? 63 : 31) != 0 ? .writes : .reads
    default: return .reads
    }
  }

  /// The host's flags are the guest's from here on: keeps them where they are seen.
  mutating func flagsFromHost() {
    if flagsAreSeen {
      assembler.loadAH()
      assembler.setIf(HostCondition.overflow, .rax)
    }
    hostFlagsHold = true
  }

  /// Makes the host's flags the guest's. Changes DL.
  mutating func flagsToHost(overflow: Bool = true) {
    if hostFlagsHold { return }
    if overflow {
      // OF is set by 127 + 1.
      assembler.move(.rdx, .rax, 4)
      assembler.arithmetic(.add, 1, .rdx, immediate: 127)
    }
    assembler.storeAH()
    hostFlagsHold = overflow
  }

  /// Makes the host's CF the guest's; the host's other flags become undefined.
  mutating func carryToHost() {
    if !hostFlagsHold { assembler.testBit(.rax, 8) }
  }

  /// A condition that does not look at OF needs no OF.
  static func looksAtOverflow(_ condition: UInt8) -> Bool { condition < 2 || condition >= 12 }
}

extension HostAssembler {
  /// LAHF
  mutating func loadAH() { byte(0x9F) }
  /// SAHF
  mutating func storeAH() { byte(0x9E) }
  /// AND AH, imm8
  mutating func andAH(_ mask: UInt8) {
    byte(0x80)
    byte(0xE4)
    byte(mask)
  }
  /// OR AH, DL
  mutating func orAHWithDL() {
    byte(0x08)
    byte(0xD4)
  }
  /// MOV AL, imm8
  mutating func moveAL(_ value: UInt8) {
    byte(0xB0)
    byte(value)
  }
  /// MOV AL, CL
  mutating func moveALFromCL() {
    byte(0x88)
    byte(0xC8)
  }
  /// MOV AL, DL
  mutating func moveALFromDL() {
    byte(0x88)
    byte(0xD0)
  }
  /// BT r32, imm8
  mutating func testBit(_ register: HostRegister, _ bit: UInt8) {
    form(0x0FBA, 4, reg: 4, register)
    byte(bit)
  }
}
