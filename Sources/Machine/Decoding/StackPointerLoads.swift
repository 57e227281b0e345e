/// What an instruction does to RSP: moves it, or gives it a value from elsewhere.
///
/// SDM vol. 1, "Stacks"; vol. 2, each instruction's page.
import CZydis

extension DecodedInstruction {
  /// Whether a 64-bit instruction gives RSP a value that does not derive from RSP: MOV, POP RSP, LEAVE. False for what moves it:
  /// PUSH and POP of others, CALL, RET, arithmetic on it. Says nothing of instructions that change more than RSP, such as IRET.
  var loadsStackPointer: Bool {
    if mnemonic == ZYDIS_MNEMONIC_LEAVE { return true }
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
