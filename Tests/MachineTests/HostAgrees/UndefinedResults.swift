/// What the manuals leave open, so that no comparison asks for it. SDM vol. 2, "Flags Affected" and "Operation" of the page that
/// each family names; everything not listed here is compared.

enum Family: String, CaseIterable {
  /// Nothing undefined.
  case defined
  /// "AND", "OR", "XOR", "TEST": AF.
  case logic
  /// "SAL/SAR/SHL/SHR": AF unless the count is 0; OF unless it is 1; CF of SHL and SHR where it is the operand's width or more.
  case shiftLogical, shiftArithmetic
  /// "RCL/RCR/ROL/ROR": OF unless the count is 0 or 1.
  case rotate
  /// "SHLD", "SHRD": AF unless the count is 0; OF unless it is 1; everything, the destination too, where it exceeds the width.
  case shiftDouble
  /// "MUL", "IMUL": SF, ZF, AF, PF.
  case multiply
  /// "DIV", "IDIV": all six.
  case divide
  /// "BT", "BTC", "BTR", "BTS": OF, SF, AF, PF.
  case bitTest
  /// "BSF", "BSR": all but ZF; the destination where the source is 0.
  case bitScan
  /// "TZCNT", "LZCNT": OF, SF, AF, PF.
  case zeroCount
  /// "ANDN", "BLSI", "BLSMSK", "BLSR", "BZHI": AF, PF.
  case lowestBit
  /// "BEXTR": AF, SF, PF.
  case bitField
  /// "BSWAP": the result of the 16-bit form.
  case byteSwapWord
}

struct Undefined {
  /// Bits of RFLAGS.
  var flags: UInt64 = 0
  var destination = false

  static let carry: UInt64 = 0x001, parity: UInt64 = 0x004, auxiliary: UInt64 = 0x010
  static let zero: UInt64 = 0x040, sign: UInt64 = 0x080, overflow: UInt64 = 0x800
  static let all = carry | parity | auxiliary | zero | sign | overflow

  /// `source` is the value of the source operand where a family asks for it.
  init(_ form: InstructionForm, before: Registers, source: UInt64) {
    let bits = UInt64(form.width * 8)
    let count = (form.immediateCount ?? before[Registers.rcx]) & (form.width == 8 ? 63 : 31)
    switch form.family {
    case .defined: break
    case .logic: flags = Self.auxiliary
    case .shiftLogical, .shiftArithmetic:
      if count != 0 { flags |= Self.auxiliary }
      if count > 1 { flags |= Self.overflow }
      if form.family == .shiftLogical && count >= bits { flags |= Self.carry }
    case .rotate: if count > 1 { flags = Self.overflow }
    case .shiftDouble:
      if count != 0 { flags |= Self.auxiliary }
      if count > 1 { flags |= Self.overflow }
      if count > bits {
        flags = Self.all
        destination = true
      }
    case .multiply: flags = Self.sign | Self.zero | Self.auxiliary | Self.parity
    case .divide: flags = Self.all
    case .bitTest: flags = Self.overflow | Self.sign | Self.auxiliary | Self.parity
    case .bitScan:
      flags = Self.all & ~Self.zero
      destination = source & (bits == 64 ? ~0 : (1 << bits) - 1) == 0
    case .zeroCount: flags = Self.overflow | Self.sign | Self.auxiliary | Self.parity
    case .lowestBit: flags = Self.auxiliary | Self.parity
    case .bitField: flags = Self.auxiliary | Self.sign | Self.parity
    case .byteSwapWord: destination = true
    }
  }
}
