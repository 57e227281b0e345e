/// SSSE3: shuffles of bytes, sums of neighbours, products, signs, and the alignment of two registers, for MMX and XMM registers alike.
/// Intel SDM vol. 1, "SSSE3 Instructions"; each instruction's page in vol. 2. The names are the manual's mnemonics.

/// `destination ← destination op source`; PABS of the source alone; PALIGNR by an immediate.
public enum SSSE3Operation: UInt8, CaseIterable, Sendable {
  case pshufb
  case phaddw, phaddd, phaddsw, phsubw, phsubd, phsubsw
  case pmaddubsw, pmulhrsw
  case psignb, psignw, psignd
  case pabsb, pabsw, pabsd
  case palignr

  public func callAsFunction(_ a: Vector128, _ b: Vector128, _ immediate: UInt8 = 0) -> Vector128 {
    result(a, b, immediate)
  }
  public func callAsFunction(_ a: UInt64, _ b: UInt64, _ immediate: UInt8 = 0) -> UInt64 { result(a, b, immediate) }

  private func result<R: PackedRegister>(_ a: R, _ b: R, _ immediate: UInt8) -> R {
    switch self {
    case .pshufb: R(elements: shuffled(a.bytes, by: b.bytes))
    case .phaddw: R(elements: neighbours(a.signedWords, b.signedWords, &+))
    case .phaddd: R(elements: neighbours(a.signedDoublewords, b.signedDoublewords, &+))
    case .phaddsw: R(elements: neighbours(a.signedWords, b.signedWords) { Int16(clamping: Int32($0) + Int32($1)) })
    case .phsubw: R(elements: neighbours(a.signedWords, b.signedWords, &-))
    case .phsubd: R(elements: neighbours(a.signedDoublewords, b.signedDoublewords, &-))
    case .phsubsw: R(elements: neighbours(a.signedWords, b.signedWords) { Int16(clamping: Int32($0) - Int32($1)) })
    case .pmaddubsw: R(elements: productSums(a.bytes, b.signedBytes, into: R.SignedWords.self))
    case .pmulhrsw: R(elements: pairwise(a.signedWords, b.signedWords, roundedProduct))
    case .psignb: R(elements: pairwise(a.signedBytes, b.signedBytes, signed))
    case .psignw: R(elements: pairwise(a.signedWords, b.signedWords, signed))
    case .psignd: R(elements: pairwise(a.signedDoublewords, b.signedDoublewords, signed))
    case .pabsb: R(elements: pairwise(b.signedBytes, b.signedBytes, signed))
    case .pabsw: R(elements: pairwise(b.signedWords, b.signedWords, signed))
    case .pabsd: R(elements: pairwise(b.signedDoublewords, b.signedDoublewords, signed))
    case .palignr: R(elements: aligned(a.bytes, b.bytes, Int(immediate)))
    }
  }
}

/// PSHUFB: the byte that the low bits of `order` name, or 0 where its top bit is set.
private func shuffled<V: SIMD>(_ a: V, by order: V) -> V where V.Scalar == UInt8 {
  var result = V()
  for i in 0..<V.scalarCount { result[i] = order[i] & 0x80 != 0 ? 0 : a[Int(order[i]) & (V.scalarCount - 1)] }
  return result
}

/// Elements 2i and 2i + 1: those of the destination, then those of the source.
private func neighbours<V: SIMD>(_ a: V, _ b: V, _ operation: (V.Scalar, V.Scalar) -> V.Scalar) -> V {
  var result = a
  let half = V.scalarCount / 2
  for i in 0..<half {
    result[i] = operation(a[2 * i], a[2 * i + 1])
    result[half + i] = operation(b[2 * i], b[2 * i + 1])
  }
  return result
}

private func pairwise<V: SIMD>(_ a: V, _ b: V, _ operation: (V.Scalar, V.Scalar) -> V.Scalar) -> V {
  var result = a
  for i in 0..<V.scalarCount { result[i] = operation(a[i], b[i]) }
  return result
}

/// PSIGN; of a number and itself the absolute value. The smallest number stays what it is.
private func signed<S: FixedWidthInteger & SignedInteger>(_ value: S, _ sign: S) -> S {
  sign < 0 ? 0 &- value : sign == 0 ? 0 : value
}

/// PMULHRSW: bits 15 to 30 of the product, rounded by the bit below.
private func roundedProduct(_ a: Int16, _ b: Int16) -> Int16 {
  Int16(truncatingIfNeeded: ((Int32(a) * Int32(b)) >> 14 + 1) >> 1)
}

/// PMADDUBSW: the destination's bytes are unsigned, the source's signed, the sums saturated.
private func productSums<U: SIMD, S: SIMD, W: SIMD>(_ a: U, _ b: S, into _: W.Type) -> W
where U.Scalar == UInt8, S.Scalar == Int8, W.Scalar == Int16 {
  var result = W()
  for i in 0..<W.scalarCount {
    let low = Int32(a[2 * i]) * Int32(b[2 * i])
    result[i] = Int16(clamping: low + Int32(a[2 * i + 1]) * Int32(b[2 * i + 1]))
  }
  return result
}

/// PALIGNR: the source with the destination above it, shifted to the right by whole bytes.
private func aligned<V: SIMD>(_ a: V, _ b: V, _ count: Int) -> V where V.Scalar == UInt8 {
  var result = V()
  for i in 0..<V.scalarCount {
    let from = i + count
    if from < V.scalarCount {
      result[i] = b[from]
    } else if from < 2 * V.scalarCount {
      result[i] = a[from - V.scalarCount]
    }
  }
  return result
}
