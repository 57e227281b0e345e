/// x87 instructions and FWAIT into micro-operations.
///
/// Intel SDM vol. 2A, "Escape Opcode Instructions"; vol. 1, "x87 FPU Instruction Set".
import CZydis

extension Translator {
  /// One of the escape opcodes D8 to DF, or FWAIT.
  var isFloatingPoint: Bool {
    guard current.instruction.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY,
      current.instruction.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT
    else { return false }
    return current.instruction.opcode & 0xF8 == 0xD8 || current.mnemonic == ZYDIS_MNEMONIC_FWAIT
  }

  mutating func translateFloatingPoint() -> Bool {
    if current.mnemonic == ZYDIS_MNEMONIC_FWAIT {
      var operation = external(.floatingPoint)
      operation.imm = FloatingPointOperand.wait
      emit(operation)
      return true
    }
    let modRM = current.instruction.raw.modrm
    let opcode = X87Opcode(
      escape: current.instruction.opcode, modRM: modRM.mod << 6 | modRM.reg << 3 | modRM.rm)
    guard opcode.isDefined else { return false }
    if !is64 {
      // Whether it may execute at all is asked before its address is looked at.
      var check = external(.floatingPoint)
      check.imm = UInt64(opcode.rawValue) | FloatingPointOperand.checkOnly
      emit(check)
    }
    var operation = external(.floatingPoint, width: operandWidth == 2 ? 2 : 4)
    operation.imm = UInt64(opcode.rawValue)
    for i in 0..<Int(current.instruction.operand_count) where isMemory(i) {
      let size: Int
      let writes: Bool
      switch opcode.memory {
      case .none: (size, writes) = (1, false)
      case .reads(let count): (size, writes) = (count, false)
      case .writes(let count): (size, writes) = (count, true)
      case .readsEnvironment(let withRegisters):
        (size, writes) = (Self.imageSize(operandWidth, withRegisters), false)
      case .writesEnvironment(let withRegisters):
        (size, writes) = (Self.imageSize(operandWidth, withRegisters), true)
      }
      operation.traits.insert(.memory)
      address(&operation, i, size: size, write: writes)
      let segment = Self.segment(operand(i).mem.segment) ?? .ds
      operation.imm |= UInt64(segment.rawValue) << FloatingPointOperand.segmentShift
      break
    }
    emit(operation)
    return true
  }

  private static func imageSize(_ operandWidth: Int, _ withRegisters: Bool) -> Int {
    (operandWidth == 2 ? 14 : 28) + (withRegisters ? 80 : 0)
  }
}

/// Where an x87 micro-operation's immediate holds what besides the opcode in bits 0 to 10.
enum FloatingPointOperand {
  static let wait: UInt64 = 1 << 16
  static let checkOnly: UInt64 = 1 << 17
  /// The number of the memory operand's segment register.
  static let segmentShift: UInt64 = 20
}
