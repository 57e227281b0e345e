/// The arithmetic flags, kept as the last result and a vector of carries and computed when somebody asks.
///
/// SDM vol. 1, "EFLAGS Register"; the carries of an addition are the majority of (a, b, not r) at each bit, the borrows of a
/// subtraction the majority of (not a, b, r).
///
/// `flagResult`: the result, sign-extended to 64 bits. ZF is "is zero", SF its top bit, PF the parity of its low byte.
/// `flagCarries`: bit 63 the carry out of the operand's top bit (CF), bit 62 the carry into it (OF is their difference), bit 3
/// the carry out of bit 3 (AF). Two more fields let any combination be represented, which POPF needs: bit 0 inverts SF, bits
/// 8 to 15 are exclusive-ored into the byte whose parity is PF.
enum LazyFlags {
  static let carryBit: UInt64 = 1 << 63
  static let carryInBit: UInt64 = 1 << 62
  static let auxiliaryBit: UInt64 = 1 << 3
  static let signInversion: UInt64 = 1

  /// Places a carry vector of an operand of `bits` bits.
  @inline(__always) static func place(_ vector: UInt64, bits: Int) -> UInt64 {
    ((vector &<< UInt64(truncatingIfNeeded: 64 &- bits)) & (carryBit | carryInBit)) | (vector & auxiliaryBit)
  }
}

extension ProcessorState {
  var carry: Bool { @inline(__always) get { flagCarries & LazyFlags.carryBit != 0 } }
  var zero: Bool { @inline(__always) get { flagResult == 0 } }
  var sign: Bool { @inline(__always) get { (flagResult >> 63) ^ (flagCarries & LazyFlags.signInversion) != 0 } }
  var overflow: Bool { @inline(__always) get { (flagCarries ^ (flagCarries &<< 1)) & LazyFlags.carryBit != 0 } }
  var parity: Bool {
    @inline(__always) get {
      ((flagResult ^ (flagCarries &>> 8)) & 0xFF).nonzeroBitCount & 1 == 0
    }
  }
  var auxiliary: Bool { @inline(__always) get { flagCarries & LazyFlags.auxiliaryBit != 0 } }

  /// The arithmetic flags in RFLAGS' positions.
  /// MEASURED: a call would be given a copy of the whole state, a sixth of the time of an exploration.
  var arithmeticFlags: UInt64 {
    @inline(__always) get {
      (carry ? 1 : 0) | (parity ? 4 : 0) | (auxiliary ? 0x10 : 0) | (zero ? 0x40 : 0) | (sign ? 0x80 : 0)
        | (overflow ? 0x800 : 0)
    }
  }

  /// Sets all six arithmetic flags from RFLAGS' positions; other bits are ignored.
  mutating func setArithmeticFlags(_ flags: UInt64) {
    // The result is zero or 0x100: its low byte is even parity and its top bit clear in both cases.
    flagResult = flags & 0x40 != 0 ? 0 : 0x100
    var carries: UInt64 = 0
    if flags & 1 != 0 { carries |= LazyFlags.carryBit }
    if (flags & 1 != 0) != (flags & 0x800 != 0) { carries |= LazyFlags.carryInBit }
    if flags & 0x10 != 0 { carries |= LazyFlags.auxiliaryBit }
    if flags & 0x80 != 0 { carries |= LazyFlags.signInversion }
    if flags & 4 == 0 { carries |= 1 << 8 }
    flagCarries = carries
  }

  /// Changes CF and leaves the other arithmetic flags.
  @inline(__always) mutating func setCarry(_ carry: Bool) {
    if carry != self.carry { flagCarries ^= LazyFlags.carryBit | LazyFlags.carryInBit }
  }

  /// RFLAGS, whole.
  public internal(set) var rflags: RFLAGS {
    @inline(__always) get { RFLAGS(rawValue: otherFlags | arithmeticFlags | 2) }
    set {
      otherFlags = newValue.rawValue & RFLAGS.defined.rawValue & ~RFLAGS.arithmetic.rawValue & ~2
      setArithmeticFlags(newValue.rawValue)
    }
  }

  @inline(__always) func flag(_ flag: RFLAGS) -> Bool { otherFlags & flag.rawValue != 0 }

  /// A condition code as the low four bits of Jcc, SETcc and CMOVcc have it. SDM vol. 1, "EFLAGS Condition Codes".
  @inline(__always) func holds(_ condition: UInt8) -> Bool {
    let base: Bool
    switch condition >> 1 {
    case 0: base = overflow
    case 1: base = carry
    case 2: base = zero
    case 3: base = carry || zero
    case 4: base = sign
    case 5: base = parity
    case 6: base = sign != overflow
    default: base = zero || sign != overflow
    }
    return base != (condition & 1 != 0)
  }
}
