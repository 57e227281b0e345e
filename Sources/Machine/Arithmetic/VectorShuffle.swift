/// Shuffles, element insertion and extraction, and sign masks.
/// Intel SDM vol. 1, "Shuffle and Unpack Instructions" of SSE and SSE2; vol. 2, "PSHUFD", "SHUFPS", "PINSRW", "PEXTRW",
/// "PMOVMSKB", "MOVMSKPS", "MASKMOVDQU", "MOVSHDUP".

/// `op destination, source, imm8` without arithmetic. PSHUF* write a shuffle of the source alone.
public enum ShuffleOperation: UInt8, CaseIterable, Sendable {
  case pshufd, pshufhw, pshuflw, shufps, shufpd

  public func callAsFunction(_ destination: Vector128, _ source: Vector128, _ order: UInt8) -> Vector128 {
    switch self {
    case .pshufd:
      return Vector128(elements: picked(source.doublewords, source.doublewords, order))
    case .pshufhw:
      return Vector128(low: source.low, high: source.high.shuffledWords(order))
    case .pshuflw:
      return Vector128(low: source.low.shuffledWords(order), high: source.high)
    case .shufps:
      return Vector128(elements: picked(destination.doublewords, source.doublewords, order))
    case .shufpd:
      return Vector128(
        low: order & 1 == 0 ? destination.low : destination.high, high: order & 2 == 0 ? source.low : source.high)
    }
  }
}

/// Two elements from `low`, then two from `high`, each named by two bits of `order`.
@inline(__always)
private func picked(_ low: SIMD4<UInt32>, _ high: SIMD4<UInt32>, _ order: UInt8) -> SIMD4<UInt32> {
  SIMD4(
    low[Int(order & 3)], low[Int(order >> 2 & 3)], high[Int(order >> 4 & 3)], high[Int(order >> 6)])
}

extension UInt64 {
  /// PSHUFW, and the moving half of PSHUFHW and PSHUFLW.
  public func shuffledWords(_ order: UInt8) -> UInt64 {
    var result: UInt64 = 0
    for i in 0..<4 { result |= (self >> (16 * UInt64(order >> (2 * i) & 3)) & 0xFFFF) << (16 * UInt64(i)) }
    return result
  }
}

// PINSRW, PEXTRW (the index counts modulo the number of words) and PMOVMSKB, whose bit i also says for MASKMOVQ and
// MASKMOVDQU whether byte i is stored.

extension UInt64 {
  public func insertingWord(_ word: UInt16, at index: UInt8) -> UInt64 {
    let shift = UInt64(index & 3) * 16
    return self & ~(0xFFFF << shift) | UInt64(word) << shift
  }

  public func word(at index: UInt8) -> UInt16 { UInt16(truncatingIfNeeded: self >> (UInt64(index & 3) * 16)) }

  /// One multiplication gathers the eight sign bits, seven places apart, in the top byte.
  public var byteSigns: UInt32 {
    let signs = (self >> 7) & 0x0101_0101_0101_0101
    return UInt32((signs &* 0x0102_0408_1020_4080) >> 56)
  }
}

extension Vector128 {
  public func insertingWord(_ word: UInt16, at index: UInt8) -> Vector128 {
    index & 4 == 0
      ? Vector128(low: low.insertingWord(word, at: index), high: high)
      : Vector128(low: low, high: high.insertingWord(word, at: index))
  }

  public func word(at index: UInt8) -> UInt16 { (index & 4 == 0 ? low : high).word(at: index) }

  public var byteSigns: UInt32 { low.byteSigns | high.byteSigns << 8 }

  /// MOVMSKPS.
  public var singleSigns: UInt32 {
    let lowPair = low >> 31 & 1 | low >> 62 & 2
    let highPair = high >> 31 & 1 | high >> 62 & 2
    return UInt32(lowPair | highPair << 2)
  }
  /// MOVMSKPD.
  public var doubleSigns: UInt32 { UInt32(low >> 63 | high >> 62 & 2) }

  /// PUNPCKLQDQ, UNPCKLPD and MOVLHPS.
  public func unpackedLowQuadwords(_ source: Vector128) -> Vector128 { Vector128(low: low, high: source.low) }
  /// PUNPCKHQDQ and UNPCKHPD. (MOVHLPS is this with the operands' roles exchanged.)
  public func unpackedHighQuadwords(_ source: Vector128) -> Vector128 { Vector128(low: high, high: source.high) }

  /// MOVSLDUP of this source: each even single twice.
  public var evenSinglesDoubled: Vector128 {
    Vector128(low: (low & 0xFFFF_FFFF) * 0x1_0000_0001, high: (high & 0xFFFF_FFFF) * 0x1_0000_0001)
  }
  /// MOVSHDUP of this source: each odd single twice.
  public var oddSinglesDoubled: Vector128 {
    Vector128(low: (low >> 32) * 0x1_0000_0001, high: (high >> 32) * 0x1_0000_0001)
  }
}
