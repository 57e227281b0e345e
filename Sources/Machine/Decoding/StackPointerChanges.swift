/// What an instruction does to RSP: moves it a little, moves it far, or gives it a value from elsewhere.
///
/// SDM vol. 1, "Stacks"; vol. 2, each instruction's page.
import CZydis

extension DecodedInstruction {
  /// What a 64-bit instruction does to RSP that is to be noted: `stackLoad` where the new value does not derive from RSP (MOV, POP RSP,
  /// LEAVE, anything that writes ESP), `stackMove` where it may lie a page or more away (arithmetic with a register or a large number).
  /// Nil for PUSH and POP of others, CALL, RET and small arithmetic. Says nothing of instructions that change more than RSP, such as
  /// IRET.
  var stackTransition: Transition.Kind? {
    if mnemonic == ZYDIS_MNEMONIC_LEAVE { return .stackLoad }
    // Operands that are not written out are the stack's own movement.
    guard
      let target = operands.prefix(visible).first(where: { operand in
        operand.type == ZYDIS_OPERAND_TYPE_REGISTER && Self.stackPointers.contains(operand.reg.value)
          && UInt32(operand.actions) & ZYDIS_OPERAND_ACTION_MASK_WRITE.rawValue != 0
      })
    else { return nil }
    guard target.reg.value == ZYDIS_REGISTER_RSP else { return .stackLoad }
    switch mnemonic {
    case ZYDIS_MNEMONIC_INC, ZYDIS_MNEMONIC_DEC: return nil
    case ZYDIS_MNEMONIC_ADD, ZYDIS_MNEMONIC_SUB, ZYDIS_MNEMONIC_AND, ZYDIS_MNEMONIC_OR:
      let isSmall = operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && Self.isSmall(operands[1].imm.value.s)
      return isSmall ? nil : .stackMove
    case ZYDIS_MNEMONIC_LEA:
      let memory = operands[1].mem
      guard memory.base == ZYDIS_REGISTER_RSP, memory.index == ZYDIS_REGISTER_NONE else { return .stackLoad }
      return Self.isSmall(memory.disp.value) ? nil : .stackMove
    default: return .stackLoad
    }
  }

  /// Less than a page.
  private static func isSmall(_ distance: Int64) -> Bool { distance.magnitude < 4096 }

  private static let stackPointers = [ZYDIS_REGISTER_RSP, ZYDIS_REGISTER_ESP, ZYDIS_REGISTER_SP]
}
