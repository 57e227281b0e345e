/// When a change means the same by the bytes alone, whatever the paths do. `Documentation/Mutants.md` has the rule in words.
import Findings
import Machine

enum SameEffect {
  /// Why the change has the same effect; nil where that is not known.
  static func reason(_ change: Change) -> String? {
    guard let after = change.after else { return nil }
    if after.map(\.text) == change.before.map(\.instruction.text) { return "another encoding of the same instruction" }
    let before = change.before.map(\.instruction)
    if change.mutation == .swap, before.count == 2, isIndependent(before[0], before[1]) {
      return "the two instructions have nothing to do with one another"
    }
    // A 32-bit operation clears the upper half: SDM vol. 1, "General-Purpose Registers in 64-Bit Mode".
    if change.mutation == .narrow, clears(before[0]) { return "the register is cleared either way" }
    return nil
  }

  /// Neither reads what the other writes, no two writes meet, at most one touches memory or both only read it, and neither moves RSP or
  /// does what registers, flags and memory do not tell. An event between them finds one done and the other not in either order, and
  /// neither has to do with how it is delivered.
  private static func isIndependent(_ a: Instruction, _ b: Instruction) -> Bool {
    let (x, y) = (a.effects, b.effects)
    if x.isSystem || y.isSystem { return false }
    if x.writes.contains(Instruction.stackPointer) || y.writes.contains(Instruction.stackPointer) { return false }
    if !x.writes.isDisjoint(with: y.reads.union(y.writes)) || !y.writes.isDisjoint(with: x.reads) { return false }
    if x.writesFlags & (y.readsFlags | y.writesFlags) != 0 || y.writesFlags & x.readsFlags != 0 { return false }
    let (xTouches, yTouches) = (x.readsMemory || x.writesMemory, y.readsMemory || y.writesMemory)
    return !(xTouches && yTouches) || !(x.writesMemory || y.writesMemory)
  }

  private static func clears(_ one: Instruction) -> Bool {
    guard ["xor", "sub"].contains(one.mnemonic), one.memory == nil, one.registers.count == 2 else { return false }
    let byte = one.bytes[one.opcode + 1]
    // The same register twice, by ModRM and the two bits of REX that extend it.
    let extends = one.wide.map { one.bytes[$0] & 5 } ?? 0
    return byte >> 3 & 7 == byte & 7 && (extends == 0 || extends == 5)
  }
}
