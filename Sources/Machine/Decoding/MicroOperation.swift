/// What an instruction is decoded into: one or more fixed-size micro-operations with their operands resolved.
///
/// A value operand is `register[src] + imm`, where one of the two is zero; a memory operand is
/// `register[base] + (register[index] << scale) + disp`, to which the segment base in `register[segment]` is added. Absent
/// parts name the slot that is always zero, so that no body tests for them.
struct MicroOperation {
  var opcode: Opcode
  var dst: UInt8 = Slot.zero
  var src: UInt8 = Slot.zero
  var base: UInt8 = Slot.zero
  var index: UInt8 = Slot.zero
  var scale: UInt8 = 0
  var segment: UInt8 = Slot.zero

  /// Bytes of the whole instruction.
  var length: UInt8 = 0
  /// Instructions of the block that come before this one.
  var ordinal: UInt8 = 0
  /// Distance of the instruction from the start of the block, in bytes.
  var offset: UInt16 = 0
  /// Operand width in bytes, for the bodies that are not one per width.
  var width: UInt8 = 0
  var traits: Traits = []
  /// The out-of-line body, for `.external`; a condition code or a detail for others.
  var detail: UInt16 = 0

  var imm: UInt64 = 0
  var disp: UInt64 = 0

  init(_ opcode: Opcode) { self.opcode = opcode }

  struct Traits: OptionSet {
    var rawValue: UInt8
    /// The address is on the stack segment: a bad one is #SS.
    static let stack = Traits(rawValue: 1)
    /// The body leaves RIP at the next instruction by itself.
    static let setsRIP = Traits(rawValue: 2)
    /// Nothing of the block follows.
    static let endsBlock = Traits(rawValue: 4)
    /// REP or REPE.
    static let rep = Traits(rawValue: 8)
    static let repne = Traits(rawValue: 16)
    /// The instruction makes a GS-relative access.
    static let usesGS = Traits(rawValue: 32)
    /// 32-bit address size in 64-bit code, 16-bit in 32-bit code.
    static let shortAddress = Traits(rawValue: 64)
    /// The operand is in memory (for bodies that take either).
    static let memory = Traits(rawValue: 128)
  }
}

/// The micro-operations that the interpreter's loop knows. Families with four widths are laid out 8, 16, 32, 64.
enum Opcode: UInt16 {
  case nop, endBlock, external
  case move8, move16, move32, move64
  case load8, load16, load32, load64
  case store8, store16, store32, store64
  case modify8, modify16, modify32, modify64
  case lea16, lea32, lea64, address32
  case zeroExtend8, zeroExtend16, zeroExtend8To16
  case signExtend8To16, signExtend8To32, signExtend8To64, signExtend16To32, signExtend16To64, signExtend32To64
  case add8, add16, add32, add64
  case or8, or16, or32, or64
  case adc8, adc16, adc32, adc64
  case sbb8, sbb16, sbb32, sbb64
  case and8, and16, and32, and64
  case sub8, sub16, sub32, sub64
  case xor8, xor16, xor32, xor64
  case cmp8, cmp16, cmp32, cmp64
  case test8, test16, test32, test64
  case inc8, inc16, inc32, inc64
  case dec8, dec16, dec32, dec64
  case neg8, neg16, neg32, neg64
  case not8, not16, not32, not64
  case shl8, shl16, shl32, shl64
  case shr8, shr16, shr32, shr64
  case sar8, sar16, sar32, sar64
  case imul16, imul32, imul64
  case push64, pop64, call, callIndirect, ret, jump, jumpIndirect
  case jumpIf, setIf, moveIf16, moveIf32, moveIf64
  case exchange8, exchange16, exchange32, exchange64

  /// The member of a four-width family for an operand of `width` bytes, from its 8-bit member.
  func ofWidth(_ width: Int) -> Opcode {
    let step: UInt16 = width == 1 ? 0 : width == 2 ? 1 : width == 4 ? 2 : 3
    return Opcode(rawValue: rawValue + step)!
  }

  /// The member of a family that starts at 16 bits.
  func ofWordWidth(_ width: Int) -> Opcode {
    Opcode(rawValue: rawValue + (width == 2 ? 0 : width == 4 ? 1 : 2))!
  }
}
