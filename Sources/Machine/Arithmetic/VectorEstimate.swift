/// RCPPS, RCPSS, RSQRTPS and RSQRTSS.
/// Intel SDM vol. 2, "RCPPS", "RSQRTPS": any result within a relative error of 1.5 × 2^-12 is correct, and processors
/// differ in the last bits. So that no result depends on the host, these answer the value to 12 fraction bits, rounded
/// (a relative error of hardly more than 2^-13), by integer arithmetic. They raise no exception and heed no bit of MXCSR.

/// One single-precision element, taken apart.
private struct SingleBits {
  var bits: UInt32
  var sign: UInt32 { bits & 0x8000_0000 }
  var exponent: Int { Int(bits >> 23 & 0xFF) }
  var significand: UInt64 { UInt64(bits & 0x7F_FFFF | 0x80_0000) }
  var isNaN: Bool { bits & 0x7FFF_FFFF > 0x7F80_0000 }
  var isInfinite: Bool { bits & 0x7FFF_FFFF == 0x7F80_0000 }
  /// The manual has denormals treated as zeros here, whatever MXCSR.DAZ says.
  var isZeroOrDenormal: Bool { exponent == 0 }
  var quieted: UInt32 { bits | 0x40_0000 }
  static let infinity: UInt32 = 0x7F80_0000
  static let defaultNaN: UInt32 = 0xFFC0_0000
}

/// 1/x. Tiny results are flushed to zero.
func reciprocalEstimate(_ single: UInt32) -> UInt32 {
  let x = SingleBits(bits: single)
  if x.isNaN { return x.quieted }
  if x.isInfinite { return x.sign }
  if x.isZeroOrDenormal { return x.sign | SingleBits.infinity }
  // x = m × 2^(e-150) with 2^23 ≤ m < 2^24, so 2^36/m lies in (2^12, 2^13] and is the result in units of 2^(114-e).
  var quotient = ((1 << 37) / x.significand + 1) >> 1
  var exponent = 127 - (x.exponent - 127) - 1
  if quotient >= 1 << 13 {
    quotient >>= 1
    exponent += 1
  }
  if exponent <= 0 { return x.sign }
  return x.sign | UInt32(exponent) << 23 | UInt32(quotient & 0xFFF) << 11
}

/// 1/√x; of a negative number the default NaN, of either zero the infinity of its sign.
func reciprocalSquareRootEstimate(_ single: UInt32) -> UInt32 {
  let x = SingleBits(bits: single)
  if x.isNaN { return x.quieted }
  if x.isZeroOrDenormal { return x.sign | SingleBits.infinity }
  if x.sign != 0 { return SingleBits.defaultNaN }
  if x.isInfinite { return 0 }
  // x = m × 2^(2k) with m made to lie in [2^23, 2^25) by an even exponent; 2^62/m then lies in (2^37, 2^39], its root
  // in (2^18.5, 2^19.5], and the result is that root × 2^(-31-k).
  let odd = (x.exponent - 150) & 1
  let halfExponent = (x.exponent - 150 - odd) / 2
  var root = integerSquareRoot((1 << 62) / (x.significand << UInt64(odd)))
  var exponent = 127 + 18 - 31 - halfExponent
  if root >= 1 << 19 {
    exponent += 1
    root = (root + (1 << 6)) >> 7
  } else {
    root = (root + (1 << 5)) >> 6
  }
  if root >= 1 << 13 {
    root >>= 1
    exponent += 1
  }
  return UInt32(exponent) << 23 | UInt32(root & 0xFFF) << 11
}

/// The largest integer whose square is at most `value`, bit by bit.
private func integerSquareRoot(_ value: UInt64) -> UInt64 {
  var root: UInt64 = 0
  var bit: UInt64 = 1 << 31
  while bit != 0 {
    let candidate = root | bit
    if candidate * candidate <= value { root = candidate }
    bit >>= 1
  }
  return root
}

extension Vector128 {
  private func eachSingle(_ operation: (UInt32) -> UInt32) -> Vector128 {
    Vector128(
      low: UInt64(operation(UInt32(truncatingIfNeeded: low))) | UInt64(operation(UInt32(low >> 32))) << 32,
      high: UInt64(operation(UInt32(truncatingIfNeeded: high))) | UInt64(operation(UInt32(high >> 32))) << 32)
  }

  /// RCPPS of this source.
  public var reciprocalEstimates: Vector128 { eachSingle(reciprocalEstimate) }
  /// RSQRTPS of this source.
  public var reciprocalSquareRootEstimates: Vector128 { eachSingle(reciprocalSquareRootEstimate) }

  /// RCPSS: the low element from the source, the rest of this destination.
  public func withReciprocalEstimate(of source: Vector128) -> Vector128 {
    replacingLow32(with: reciprocalEstimate(UInt32(truncatingIfNeeded: source.low)))
  }
  /// RSQRTSS: the low element from the source, the rest of this destination.
  public func withReciprocalSquareRootEstimate(of source: Vector128) -> Vector128 {
    replacingLow32(with: reciprocalSquareRootEstimate(UInt32(truncatingIfNeeded: source.low)))
  }
}
