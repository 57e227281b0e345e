/// What an instruction does to RSP: moves it, or gives it a value from elsewhere.
///
/// SDM vol. 1, "Stacks"; vol. 2, each instruction's page.
import CZydis

extension Processor {
  /// Whether the 64-bit instruction at a linear address, in the address space of `tables`, gives RSP a value that does not derive
  /// from RSP: MOV, POP RSP, LEAVE, IRET, SYSENTER, and a SYSCALL by which the platform does so. False for what moves it: PUSH and
  /// POP of others, CALL, RET, arithmetic on it. Says nothing of instructions that leave RSP alone.
  public func loadsStackPointer(at linear: UInt64, tables: UInt64) -> Bool {
    guard let start = bytes(atLinear: linear, count: 1, tables: tables) else { return true }
    // Nearly all that change RSP are one of these, and decoding costs more than the step.
    switch start[0] {
    case 0x50...0x5B, 0x5D...0x5F, 0x68, 0x6A, 0x9C, 0x9D, 0xC2, 0xC3, 0xE8: return false
    default: break
    }
    var code = start
    while code.count < 15, let next = bytes(atLinear: linear &+ UInt64(code.count), count: 1, tables: tables) {
      code += next
    }
    guard let decoded = try? code.withUnsafeBytes({ try decoder.decode($0, mode: .bits64) }) else { return true }
    return decoded.loadsStackPointer
  }
}

extension DecodedInstruction {
  fileprivate var loadsStackPointer: Bool {
    switch mnemonic {
    case ZYDIS_MNEMONIC_LEAVE, ZYDIS_MNEMONIC_IRET, ZYDIS_MNEMONIC_IRETD, ZYDIS_MNEMONIC_IRETQ,
      ZYDIS_MNEMONIC_SYSENTER, ZYDIS_MNEMONIC_SYSCALL:
      return true
    default: break
    }
    // Operands that are not written out are the stack's own movement.
    guard
      let target = operands.prefix(visible).first(where: { operand in
        operand.type == ZYDIS_OPERAND_TYPE_REGISTER && Self.stackPointers.contains(operand.reg.value)
          && UInt32(operand.actions) & ZYDIS_OPERAND_ACTION_MASK_WRITE.rawValue != 0
      })
    else { return false }
    switch mnemonic {
    case ZYDIS_MNEMONIC_ADD, ZYDIS_MNEMONIC_SUB, ZYDIS_MNEMONIC_AND, ZYDIS_MNEMONIC_OR, ZYDIS_MNEMONIC_INC,
      ZYDIS_MNEMONIC_DEC:
      return false
    case ZYDIS_MNEMONIC_LEA:
      return !(Self.stackPointers.contains(operands[1].mem.base) && operands[1].mem.index == ZYDIS_REGISTER_NONE)
    default: return target.reg.value != ZYDIS_REGISTER_NONE
    }
  }

  private static let stackPointers = [ZYDIS_REGISTER_RSP, ZYDIS_REGISTER_ESP, ZYDIS_REGISTER_SP]
}
