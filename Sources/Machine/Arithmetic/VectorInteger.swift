/// Integer SIMD of two register operands, for MMX and XMM registers alike.
/// Intel SDM vol. 1, "MMX Instructions", "SSE 64-Bit SIMD Integer Instructions", "SSE2 128-Bit SIMD Integer
/// Instructions"; each instruction's page in vol. 2. The names are the manual's mnemonics.

/// `destination ← destination op source`. None of these touches a flag or raises an exception of its own.
public enum PackedOperation: UInt8, CaseIterable, Sendable {
  case pand, pandn, por, pxor
  case paddb, paddw, paddd, paddq, paddsb, paddsw, paddusb, paddusw
  case psubb, psubw, psubd, psubq, psubsb, psubsw, psubusb, psubusw
  case pcmpeqb, pcmpeqw, pcmpeqd, pcmpgtb, pcmpgtw, pcmpgtd
  case pavgb, pavgw, pminub, pmaxub, pminsw, pmaxsw
  case pmullw, pmulhw, pmulhuw, pmuludq, pmaddwd, psadbw
  case punpcklbw, punpcklwd, punpckldq, punpckhbw, punpckhwd, punpckhdq
  case packsswb, packssdw, packuswb

  /// ANDPS, ORPD and their kind are the same operations under other names, as are UNPCKLPS and UNPCKHPS.
  public func callAsFunction<R: PackedRegister>(_ a: R, _ b: R) -> R {
    switch self {
    case .pand: a.quadwords(b) { $0 & $1 }
    case .pandn: a.quadwords(b) { ~$0 & $1 }
    case .por: a.quadwords(b) { $0 | $1 }
    case .pxor: a.quadwords(b) { $0 ^ $1 }
    case .paddb: R(elements: a.bytes &+ b.bytes)
    case .paddw: R(elements: a.words &+ b.words)
    case .paddd: R(elements: a.doublewords &+ b.doublewords)
    case .paddq: a.quadwords(b) { $0 &+ $1 }
    case .paddsb: R(elements: each(a.signedBytes, b.signedBytes) { $0.addingSaturated($1) })
    case .paddsw: R(elements: each(a.signedWords, b.signedWords) { $0.addingSaturated($1) })
    case .paddusb: R(elements: each(a.bytes, b.bytes) { $0.addingSaturated($1) })
    case .paddusw: R(elements: each(a.words, b.words) { $0.addingSaturated($1) })
    case .psubb: R(elements: a.bytes &- b.bytes)
    case .psubw: R(elements: a.words &- b.words)
    case .psubd: R(elements: a.doublewords &- b.doublewords)
    case .psubq: a.quadwords(b) { $0 &- $1 }
    case .psubsb: R(elements: each(a.signedBytes, b.signedBytes) { $0.subtractingSaturated($1) })
    case .psubsw: R(elements: each(a.signedWords, b.signedWords) { $0.subtractingSaturated($1) })
    case .psubusb: R(elements: each(a.bytes, b.bytes) { $0.subtractingSaturated($1) })
    case .psubusw: R(elements: each(a.words, b.words) { $0.subtractingSaturated($1) })
    case .pcmpeqb: R(elements: allOnes(in: a.bytes, where: a.bytes .== b.bytes))
    case .pcmpeqw: R(elements: allOnes(in: a.words, where: a.words .== b.words))
    case .pcmpeqd: R(elements: allOnes(in: a.doublewords, where: a.doublewords .== b.doublewords))
    case .pcmpgtb: R(elements: allOnes(in: a.signedBytes, where: a.signedBytes .> b.signedBytes))
    case .pcmpgtw: R(elements: allOnes(in: a.signedWords, where: a.signedWords .> b.signedWords))
    case .pcmpgtd:
      R(elements: allOnes(in: a.signedDoublewords, where: a.signedDoublewords .> b.signedDoublewords))
    case .pavgb: R(elements: each(a.bytes, b.bytes) { UInt8((UInt16($0) + UInt16($1) + 1) >> 1) })
    case .pavgw: R(elements: each(a.words, b.words) { UInt16((UInt32($0) + UInt32($1) + 1) >> 1) })
    case .pminub: R(elements: pointwiseMin(a.bytes, b.bytes))
    case .pmaxub: R(elements: pointwiseMax(a.bytes, b.bytes))
    case .pminsw: R(elements: pointwiseMin(a.signedWords, b.signedWords))
    case .pmaxsw: R(elements: pointwiseMax(a.signedWords, b.signedWords))
    case .pmullw: R(elements: a.words &* b.words)
    case .pmulhw: R(elements: each(a.signedWords, b.signedWords) { $0.multipliedFullWidth(by: $1).high })
    case .pmulhuw: R(elements: each(a.words, b.words) { $0.multipliedFullWidth(by: $1).high })
    case .pmuludq: a.quadwords(b) { ($0 & 0xFFFF_FFFF) &* ($1 & 0xFFFF_FFFF) }
    case .pmaddwd: multiplyAddPairs(a, b)
    case .psadbw: a.quadwords(b) { sumOfAbsoluteDifferences($0, $1) }
    case .punpcklbw: R(elements: interleaved(a.bytes, b.bytes, from: 0))
    case .punpcklwd: R(elements: interleaved(a.words, b.words, from: 0))
    case .punpckldq: R(elements: interleaved(a.doublewords, b.doublewords, from: 0))
    case .punpckhbw: R(elements: interleaved(a.bytes, b.bytes, from: R.Bytes.scalarCount / 2))
    case .punpckhwd: R(elements: interleaved(a.words, b.words, from: R.Words.scalarCount / 2))
    case .punpckhdq: R(elements: interleaved(a.doublewords, b.doublewords, from: R.Doublewords.scalarCount / 2))
    case .packsswb: R(elements: packed(a.signedWords, b.signedWords, into: R.SignedBytes.self))
    case .packssdw: R(elements: packed(a.signedDoublewords, b.signedDoublewords, into: R.SignedWords.self))
    case .packuswb: R(elements: packed(a.signedWords, b.signedWords, into: R.Bytes.self))
    }
  }
}

@inline(__always)
private func each<V: SIMD>(_ a: V, _ b: V, _ operation: (V.Scalar, V.Scalar) -> V.Scalar) -> V {
  var result = a
  for i in 0..<V.scalarCount { result[i] = operation(a[i], b[i]) }
  return result
}

@inline(__always)
private func allOnes<V: SIMD>(in _: V, where mask: SIMDMask<V.MaskStorage>) -> V where V.Scalar: FixedWidthInteger {
  V(repeating: 0).replacing(with: V(repeating: ~0), where: mask)
}

extension FixedWidthInteger {
  @inline(__always) fileprivate func addingSaturated(_ other: Self) -> Self {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }

  @inline(__always) fileprivate func subtractingSaturated(_ other: Self) -> Self {
    let (difference, overflow) = subtractingReportingOverflow(other)
    // An unsigned difference can only fall below zero; a signed one goes over the end that `other` points away from.
    return overflow ? (Self.isSigned && other < 0 ? .max : .min) : difference
  }
}

/// PMADDWD: two products of 2^30 at most each; only (-32768)² twice reaches 2^31, which wraps as the manual says.
@inline(__always)
private func multiplyAddPairs<R: PackedRegister>(_ a: R, _ b: R) -> R {
  let x = a.signedWords
  let y = b.signedWords
  var sums = a.signedDoublewords
  for i in 0..<R.SignedDoublewords.scalarCount {
    sums[i] = Int32(x[2 * i]) * Int32(y[2 * i]) &+ Int32(x[2 * i + 1]) * Int32(y[2 * i + 1])
  }
  return R(elements: sums)
}

@inline(__always)
private func sumOfAbsoluteDifferences(_ a: UInt64, _ b: UInt64) -> UInt64 {
  var sum: UInt64 = 0
  for i in 0..<8 {
    let x = a.bytes[i]
    let y = b.bytes[i]
    sum &+= UInt64(x > y ? x - y : y - x)
  }
  return sum
}

@inline(__always)
private func interleaved<V: SIMD>(_ a: V, _ b: V, from first: Int) -> V {
  var result = a
  for i in 0..<V.scalarCount / 2 {
    result[2 * i] = a[first + i]
    result[2 * i + 1] = b[first + i]
  }
  return result
}

/// Halves every element with saturation: first those of the destination, then those of the source.
@inline(__always)
private func packed<Wide: SIMD, Narrow: SIMD>(_ a: Wide, _ b: Wide, into _: Narrow.Type) -> Narrow
where Wide.Scalar: FixedWidthInteger, Narrow.Scalar: FixedWidthInteger {
  var result = Narrow()
  for i in 0..<Wide.scalarCount {
    result[i] = Narrow.Scalar(clamping: a[i])
    result[i + Wide.scalarCount] = Narrow.Scalar(clamping: b[i])
  }
  return result
}
