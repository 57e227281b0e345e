/// The guest's arithmetic flags as translated code keeps them: in AX, as LAHF and SETO leave them.
///
/// SDM vol. 2, "LAHF", "SAHF": AH is SF, ZF, 0, AF, 0, PF, 1, CF from bit 7 down. AL is OF.

extension ProcessorState {
  /// The flags as a word for translated code.
  @inline(__always) var hostFlags: UInt64 {
    get {
      var word: UInt64 = overflow ? 1 : 0
      word |= (flagCarries >> 63) << 8
      word |= parity ? 1 << 10 : 0
      word |= (flagCarries & LazyFlags.auxiliaryBit) << 9
      word |= zero ? 1 << 14 : 0
      word |= sign ? 1 << 15 : 0
      return word
    }
    set {
      flagResult = ((newValue >> 14) & 1 ^ 1) << 8
      var carries = (newValue >> 8 & 1) << 63
      carries |= ((newValue >> 8 ^ newValue) & 1) << 62
      carries |= newValue >> 9 & LazyFlags.auxiliaryBit
      carries |= newValue >> 15 & LazyFlags.signInversion
      carries |= (newValue >> 10 & 1 ^ 1) << 8
      flagCarries = carries
    }
  }
}
