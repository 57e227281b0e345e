/// SSE4.1 and SSE4.2 without floating point and strings: blends, extensions, minima and maxima, products, comparisons, insertions.
/// Intel SDM vol. 1, "SSE4.1 Instructions", "SSE4.2 Instructions"; each instruction's page in vol. 2. The names are the manual's mnemonics.

/// `destination ← destination op source`, with an immediate or with XMM0 as the mask where the instruction has one.
public enum SSE4Operation: UInt8, CaseIterable, Sendable {
  case blendps, blendpd, pblendw, blendvps, blendvpd, pblendvb
  case insertps, mpsadbw, phminposuw
  case packusdw, pcmpeqq, pcmpgtq, pmuldq, pmulld
  case pmaxsb, pmaxsd, pmaxuw, pmaxud, pminsb, pminsd, pminuw, pminud
  case pmovsxbw, pmovsxbd, pmovsxbq, pmovsxwd, pmovsxwq, pmovsxdq
  case pmovzxbw, pmovzxbd, pmovzxbq, pmovzxwd, pmovzxwq, pmovzxdq

  public func callAsFunction(_ a: Vector128, _ b: Vector128, _ immediate: UInt8, mask: Vector128) -> Vector128 {
    switch self {
    case .blendps: blended(a.doublewords, b.doublewords) { immediate >> $0 & 1 != 0 }
    case .blendpd:
      Vector128(low: immediate & 1 == 0 ? a.low : b.low, high: immediate & 2 == 0 ? a.high : b.high)
    case .pblendw: blended(a.unsignedWords, b.unsignedWords) { immediate >> $0 & 1 != 0 }
    case .blendvps: blended(a.doublewords, b.doublewords) { mask.signedDoublewords[$0] < 0 }
    case .blendvpd: Vector128(low: mask.low >> 63 == 0 ? a.low : b.low, high: mask.high >> 63 == 0 ? a.high : b.high)
    case .pblendvb: blended(a.bytes, b.bytes) { mask.signedBytes[$0] < 0 }
    case .insertps: a.insertingSingle(of: b, immediate)
    case .mpsadbw: a.sumsOfAbsoluteDifferences(b, immediate)
    case .phminposuw: b.smallestWord
    case .packusdw: packedUnsigned(a, b)
    case .pcmpeqq: a.quadwords(b) { $0 == $1 ? ~0 : 0 }
    case .pcmpgtq: a.quadwords(b) { Int64(bitPattern: $0) > Int64(bitPattern: $1) ? ~0 : 0 }
    case .pmuldq:
      a.quadwords(b) {
        UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: $0)) * Int64(Int32(truncatingIfNeeded: $1)))
      }
    case .pmulld: Vector128(elements: a.doublewords &* b.doublewords)
    case .pmaxsb: Vector128(elements: pointwiseMax(a.signedBytes, b.signedBytes))
    case .pmaxsd: Vector128(elements: pointwiseMax(a.signedDoublewords, b.signedDoublewords))
    case .pmaxuw: Vector128(elements: pointwiseMax(a.unsignedWords, b.unsignedWords))
    case .pmaxud: Vector128(elements: pointwiseMax(a.doublewords, b.doublewords))
    case .pminsb: Vector128(elements: pointwiseMin(a.signedBytes, b.signedBytes))
    case .pminsd: Vector128(elements: pointwiseMin(a.signedDoublewords, b.signedDoublewords))
    case .pminuw: Vector128(elements: pointwiseMin(a.unsignedWords, b.unsignedWords))
    case .pminud: Vector128(elements: pointwiseMin(a.doublewords, b.doublewords))
    case .pmovsxbw: b.low.extended(from: 8, to: 16, signed: true)
    case .pmovsxbd: b.low.extended(from: 8, to: 32, signed: true)
    case .pmovsxbq: b.low.extended(from: 8, to: 64, signed: true)
    case .pmovsxwd: b.low.extended(from: 16, to: 32, signed: true)
    case .pmovsxwq: b.low.extended(from: 16, to: 64, signed: true)
    case .pmovsxdq: b.low.extended(from: 32, to: 64, signed: true)
    case .pmovzxbw: b.low.extended(from: 8, to: 16, signed: false)
    case .pmovzxbd: b.low.extended(from: 8, to: 32, signed: false)
    case .pmovzxbq: b.low.extended(from: 8, to: 64, signed: false)
    case .pmovzxwd: b.low.extended(from: 16, to: 32, signed: false)
    case .pmovzxwq: b.low.extended(from: 16, to: 64, signed: false)
    case .pmovzxdq: b.low.extended(from: 32, to: 64, signed: false)
    }
  }
}

/// The source's element where the mask says so.
private func blended(_ a: SIMD4<UInt32>, _ b: SIMD4<UInt32>, _ chosen: (Int) -> Bool) -> Vector128 {
  var result = a
  for i in 0..<4 where chosen(i) { result[i] = b[i] }
  return Vector128(elements: result)
}

private func blended(_ a: SIMD8<UInt16>, _ b: SIMD8<UInt16>, _ chosen: (Int) -> Bool) -> Vector128 {
  var result = a
  for i in 0..<8 where chosen(i) { result[i] = b[i] }
  return Vector128(elements: result)
}

private func blended(_ a: SIMD16<UInt8>, _ b: SIMD16<UInt8>, _ chosen: (Int) -> Bool) -> Vector128 {
  var result = a
  for i in 0..<16 where chosen(i) { result[i] = b[i] }
  return Vector128(elements: result)
}

/// PACKUSDW: signed doublewords to unsigned words, saturated.
private func packedUnsigned(_ a: Vector128, _ b: Vector128) -> Vector128 {
  var result = SIMD8<UInt16>()
  for i in 0..<4 {
    result[i] = UInt16(clamping: a.signedDoublewords[i])
    result[i + 4] = UInt16(clamping: b.signedDoublewords[i])
  }
  return Vector128(elements: result)
}

extension UInt64 {
  /// PMOVSX and PMOVZX: as many of the low elements as fit once they are wider.
  fileprivate func extended(from narrow: UInt64, to wide: UInt64, signed: Bool) -> Vector128 {
    var words: [UInt64] = [0, 0]
    let mask: UInt64 = wide == 64 ? ~0 : 1 << wide - 1
    for i in 0..<128 / wide {
      var element = self >> (i * narrow) & (1 << narrow - 1)
      if signed, element >> (narrow - 1) != 0 { element |= ~0 << narrow }
      words[Int(i * wide / 64)] |= (element & mask) << (i * wide % 64)
    }
    return Vector128(low: words[0], high: words[1])
  }
}

extension Vector128 {
  /// INSERTPS: bits 6 and 7 of the order name the source's element, 4 and 5 the destination's, 0 to 3 those that become zero.
  fileprivate func insertingSingle(of source: Vector128, _ order: UInt8) -> Vector128 {
    var result = doublewords
    result[Int(order >> 4 & 3)] = source.doublewords[Int(order >> 6)]
    for i in 0..<4 where order >> i & 1 != 0 { result[i] = 0 }
    return Vector128(elements: result)
  }

  /// MPSADBW: four bytes of the source, against those from each of eight places of the destination on.
  fileprivate func sumsOfAbsoluteDifferences(_ source: Vector128, _ order: UInt8) -> Vector128 {
    let (from, to) = (Int(order & 3) * 4, Int(order >> 2 & 1) * 4)
    var result = SIMD8<UInt16>()
    for i in 0..<8 {
      for j in 0..<4 {
        let (x, y) = (bytes[to + i + j], source.bytes[from + j])
        result[i] += UInt16(x > y ? x - y : y - x)
      }
    }
    return Vector128(elements: result)
  }

  /// PHMINPOSUW: the smallest word, and the first place where it stands.
  fileprivate var smallestWord: Vector128 {
    var place = 0
    for i in 1..<8 where unsignedWords[i] < unsignedWords[place] { place = i }
    return Vector128(low: UInt64(unsignedWords[place]) | UInt64(place) << 16)
  }

  /// PTEST, as RFLAGS: ZF says that the two have no bit in common, CF that the source has none beside this destination's.
  func tested(_ source: Vector128) -> UInt64 {
    (low & source.low | high & source.high == 0 ? RFLAGS.zero.rawValue : 0)
      | (~low & source.low | ~high & source.high == 0 ? RFLAGS.carry.rawValue : 0)
  }

  /// PINSRB, PINSRD, PINSRQ; the index counts modulo the number of elements.
  func inserting(_ element: UInt64, width: Int, at index: UInt8) -> Vector128 {
    let bit = Int(index) * width * 8 & 127
    let mask: UInt64 = width == 8 ? ~0 : 1 << UInt64(width * 8) - 1
    func changed(_ word: UInt64) -> UInt64 { word & ~(mask << UInt64(bit & 63)) | (element & mask) << UInt64(bit & 63) }
    return bit < 64 ? Vector128(low: changed(low), high: high) : Vector128(low: low, high: changed(high))
  }

  /// PEXTRB, PEXTRW, PEXTRD, PEXTRQ, EXTRACTPS.
  func element(width: Int, at index: UInt8) -> UInt64 {
    let bit = Int(index) * width * 8 & 127
    let shifted = (bit < 64 ? low : high) >> UInt64(bit & 63)
    return width == 8 ? shifted : shifted & (1 << UInt64(width * 8) - 1)
  }
}
