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
  public func callAsFunction(_ a: Vector128, _ b: Vector128) -> Vector128 { result(a, b) }
  public func callAsFunction(_ a: UInt64, _ b: UInt64) -> UInt64 { result(a, b) }

  @inline(__always)
  private func result<R: PackedRegister>(_ a: R, _ b: R) -> R {
    switch self {
    case .pand: a.quadwords(b) { $0 & $1 }
    case .pandn: a.quadwords(b) { ~$0 & $1 }
    case .por: a.quadwords(b) { $0 | $1 }
    case .pxor: a.quadwords(b) { $0 ^ $1 }
    case .paddb: R(elements: a.bytes &+ b.bytes)
    case .paddw: R(elements: a.unsignedWords &+ b.unsignedWords)
    case .paddd: R(elements: a.doublewords &+ b.doublewords)
    case .paddq: a.quadwords(b) { $0 &+ $1 }
    case .paddsb: a.quadwords(b, Lanes.bytes.addingSigned)
    case .paddsw: a.quadwords(b, Lanes.words.addingSigned)
    case .paddusb: a.quadwords(b, Lanes.bytes.addingUnsigned)
    case .paddusw: a.quadwords(b, Lanes.words.addingUnsigned)
    case .psubb: R(elements: a.bytes &- b.bytes)
    case .psubw: R(elements: a.unsignedWords &- b.unsignedWords)
    case .psubd: R(elements: a.doublewords &- b.doublewords)
    case .psubq: a.quadwords(b) { $0 &- $1 }
    case .psubsb: a.quadwords(b, Lanes.bytes.subtractingSigned)
    case .psubsw: a.quadwords(b, Lanes.words.subtractingSigned)
    case .psubusb: a.quadwords(b, Lanes.bytes.subtractingUnsigned)
    case .psubusw: a.quadwords(b, Lanes.words.subtractingUnsigned)
    case .pcmpeqb: a.quadwords(b, Lanes.bytes.equal)
    case .pcmpeqw: a.quadwords(b, Lanes.words.equal)
    case .pcmpeqd: a.quadwords(b, Lanes.doublewords.equal)
    case .pcmpgtb: a.quadwords(b, Lanes.bytes.greaterSigned)
    case .pcmpgtw: a.quadwords(b, Lanes.words.greaterSigned)
    case .pcmpgtd: a.quadwords(b, Lanes.doublewords.greaterSigned)
    case .pavgb: R(elements: each(a.bytes, b.bytes) { UInt8((UInt16($0) + UInt16($1) + 1) >> 1) })
    case .pavgw: R(elements: each(a.unsignedWords, b.unsignedWords) { UInt16((UInt32($0) + UInt32($1) + 1) >> 1) })
    case .pminub: R(elements: pointwiseMin(a.bytes, b.bytes))
    case .pmaxub: R(elements: pointwiseMax(a.bytes, b.bytes))
    case .pminsw: R(elements: pointwiseMin(a.signedWords, b.signedWords))
    case .pmaxsw: R(elements: pointwiseMax(a.signedWords, b.signedWords))
    case .pmullw: R(elements: a.unsignedWords &* b.unsignedWords)
    case .pmulhw: R(elements: each(a.signedWords, b.signedWords) { $0.multipliedFullWidth(by: $1).high })
    case .pmulhuw: R(elements: each(a.unsignedWords, b.unsignedWords) { $0.multipliedFullWidth(by: $1).high })
    case .pmuludq: a.quadwords(b) { ($0 & 0xFFFF_FFFF) &* ($1 & 0xFFFF_FFFF) }
    case .pmaddwd: multiplyAddPairs(a, b)
    case .psadbw: a.quadwords(b) { sumOfAbsoluteDifferences($0, $1) }
    case .punpcklbw: R(elements: interleaved(a.bytes, b.bytes, from: 0))
    case .punpcklwd: R(elements: interleaved(a.unsignedWords, b.unsignedWords, from: 0))
    case .punpckldq: R(elements: interleaved(a.doublewords, b.doublewords, from: 0))
    case .punpckhbw: R(elements: interleaved(a.bytes, b.bytes, from: R.Bytes.scalarCount / 2))
    case .punpckhwd: R(elements: interleaved(a.unsignedWords, b.unsignedWords, from: R.UnsignedWords.scalarCount / 2))
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
