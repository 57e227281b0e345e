/// Every small mistake that the operators make of some instructions, in the order of addresses and operators.
import Findings
import Machine

enum Changes {
  static func all(of code: EntryCode) -> [Change] {
    var changes: [Change] = []
    for address in code.instructions.keys.sorted() {
      let one = code.instructions[address]!
      if one.instruction.isNothing { continue }
      var own = removals(one) + branches(one) + registers(one) + widths(one) + places(one) + constants(one)
      if let next = code.instructions[one.end], !code.targets.contains(one.end) { own += swaps(one, next) }
      changes += own.filter(\.isOne).sorted { $0.mutation < $1.mutation }
    }
    return changes
  }

  /// The instruction with some bytes replaced.
  static func patched(_ one: EntryInstruction, at offset: Int, _ bytes: [UInt8]) -> [UInt8] {
    var result = one.instruction.bytes
    result.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    return result
  }

  /// The instruction with another number in a field; nil where the number does not fit.
  static func patched(_ one: EntryInstruction, _ field: Instruction.Field, _ value: Int64) -> [UInt8]? {
    let bits = Int64(field.size * 8)
    guard bits == 64 || value >> (bits - 1) == 0 || value >> (bits - 1) == -1 else { return nil }
    let bytes = (0..<field.size).map { UInt8(truncatingIfNeeded: value >> Int64(8 * $0)) }
    return patched(one, at: field.offset, bytes)
  }

  // MARK: Something is not there

  private static func removals(_ one: EntryInstruction) -> [Change] {
    let instruction = one.instruction
    let mutation: MutationOperator =
      instruction.flow == .call
      ? .skipCall : instruction.flow == .next && instruction.effects.isSystem ? .dropGuard : .delete
    return [Change(mutation, [one], NoOperation.bytes(instruction.length))]
  }

  // MARK: Something is in another order

  /// Both must lead on to what comes behind them.
  private static func swaps(_ one: EntryInstruction, _ next: EntryInstruction) -> [Change] {
    guard one.instruction.flow == .next, next.instruction.flow == .next, !next.instruction.isNothing,
      let second = moved(next, by: -Int64(one.instruction.length)),
      let first = moved(one, by: Int64(next.instruction.length))
    else { return [] }
    return [Change(.swap, [one, next], second + first)]
  }

  /// The instruction's bytes at another address, with its RIP-relative operand still the same place.
  private static func moved(_ one: EntryInstruction, by distance: Int64) -> [UInt8]? {
    guard let memory = one.instruction.memory, memory.isRIPRelative, let field = one.instruction.displacement else {
      return one.instruction.bytes
    }
    return patched(one, field, field.value - distance)
  }

  // MARK: Another branch

  private static func branches(_ one: EntryInstruction) -> [Change] {
    let instruction = one.instruction
    let (at, code) = (instruction.opcode, instruction.bytes[instruction.opcode])
    let isLong = at > 0 && instruction.bytes[at - 1] == 0x0F
    // Jcc, SETcc and CMOVcc: the lowest bit of the opcode is the sense of the condition. SDM vol. 2D, "Encoding of Conditional Tests
    // (tttn) Field".
    let isShortJump = !isLong && code & 0xF0 == 0x70
    let isConditional = isShortJump || isLong && [0x40, 0x80, 0x90].contains(code & 0xF0)
    guard isConditional else { return [] }
    var changes = [Change(.otherCondition, [one], patched(one, at: at, [code ^ 1]))]
    if isShortJump { changes.append(Change(.alwaysTaken, [one], patched(one, at: at, [0xEB]))) }
    // The DS override, which a JMP ignores, keeps the length.
    if isLong, code & 0xF0 == 0x80 {
      changes.append(Change(.alwaysTaken, [one], patched(one, at: at - 1, [0x3E, 0xE9])))
    }
    return changes
  }

  // MARK: Another register, another width

  private static func registers(_ one: EntryInstruction) -> [Change] {
    one.instruction.registers.map { field in
      let byte = one.instruction.bytes[field.offset]
      return Change(.otherRegister, [one], patched(one, at: field.offset, [byte ^ 1 << UInt8(field.shift)]))
    }
  }

  private static func widths(_ one: EntryInstruction) -> [Change] {
    guard let rex = one.instruction.wide else { return [] }
    return [Change(.narrow, [one], patched(one, at: rex, [one.instruction.bytes[rex] & ~8]))]
  }

  // MARK: Another place

  private static func places(_ one: EntryInstruction) -> [Change] {
    let instruction = one.instruction
    guard let memory = instruction.memory, instruction.flow != .call, instruction.flow != .jump else { return [] }
    var changes: [Change] = []
    if let segment = instruction.segmentPrefix {
      changes.append(Change(.otherSegment, [one], patched(one, at: segment, [0x3E])))
    }
    guard let field = instruction.displacement else { return changes }
    let mutation: MutationOperator =
      memory.isPerProcessor ? .perCPUSlot : memory.base == nil ? .otherPlace : .frameOffset
    for step: Int64 in [-8, 8] {
      if let bytes = patched(one, field, field.value + step) { changes.append(Change(mutation, [one], bytes)) }
    }
    return changes
  }

  // MARK: Another constant

  private static func constants(_ one: EntryInstruction) -> [Change] {
    let instruction = one.instruction
    guard let field = instruction.immediate, !field.isRelative, instruction.flow == .next else { return [] }
    func change(_ mutation: MutationOperator, to value: Int64) -> [Change] {
      patched(one, field, value).map { [Change(mutation, [one], $0)] } ?? []
    }
    let value = field.value
    let movesStack = instruction.effects.writes.contains(Instruction.stackPointer)
    switch instruction.mnemonic {
    case "and":
      // The lowest bit that it clears stays.
      let cleared = ~value & -(~value)
      return change(.weakenMask, to: value | cleared)
    case "test", "or", "xor":
      return change(.weakenMask, to: value & (value - 1))
    case "bt", "bts", "btr", "btc":
      return change(.weakenMask, to: value ^ 1)
    case "add" where movesStack, "sub" where movesStack:
      return change(.frameOffset, to: value - 8) + change(.frameOffset, to: value + 8)
    default: return change(.otherConstant, to: value + 1)
    }
  }
}
