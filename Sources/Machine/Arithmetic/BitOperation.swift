/// The integer instructions of BMI1, BMI2 and LZCNT, and CRC32's polynomial, on values; the width is the type.
///
/// SDM vol. 2, each instruction's "Operation" and "Flags Affected"; AMD APM vol. 3, the same. Both leave the same flags undefined: AF and PF of
/// ANDN, BLSI, BLSMSK, BLSR and BZHI, SF as well of BEXTR, and OF, SF, AF and PF of TZCNT and LZCNT.

/// The instructions with a VEX prefix. `first` is the register that VEX.vvvv names, `source` the operand of ModRM.rm.
enum BitOperation: UInt8, CaseIterable {
  case andn, bextr, blsi, blsmsk, blsr, bzhi
  // These leave the flags.
  case mulx, pdep, pext, rorx, sarx, shlx, shrx
}

extension ProcessorState {
  /// CF as given, OF clear, ZF and SF by the result.
  private mutating func setBitFlags<W: FixedWidthInteger & UnsignedInteger>(_ r: W, carry: Bool) -> W {
    flagResult = r.signed
    flagCarries = carry ? LazyFlags.carryBit | LazyFlags.carryInBit : 0
    return r
  }

  /// Everything but MULX, which has two results.
  mutating func bits<W: FixedWidthInteger & UnsignedInteger>(
    _ operation: BitOperation, _ first: W, _ source: W, count: UInt8
  ) -> W {
    let width = UInt64(W.bitWidth)
    switch operation {
    case .andn: return setBitFlags(~first & source, carry: false)
    case .bextr:
      let start = first.wide & 0xFF
      let length = first.wide >> 8 & 0xFF
      let shifted = start < width ? source >> W(truncatingIfNeeded: start) : 0
      let r = length < width ? shifted & lowBits(length) : shifted
      _ = setBitFlags(r, carry: false)
      return r
    case .blsi: return setBitFlags((0 &- source) & source, carry: source != 0)
    case .blsmsk: return setBitFlags((source &- 1) ^ source, carry: source == 0)
    case .blsr: return setBitFlags((source &- 1) & source, carry: source == 0)
    case .bzhi:
      let index = first.wide & 0xFF
      return setBitFlags(index < width ? source & lowBits(index) : source, carry: index >= width)
    case .pdep: return deposited(source: first, mask: source)
    case .pext: return extracted(source: first, mask: source)
    case .rorx:
      let n = W(count) & W(width - 1)
      return n == 0 ? source : source &>> n | source &<< (W(width) - n)
    case .sarx: return W(truncatingIfNeeded: Int64(bitPattern: source.signed) >> Int64(first.wide & (width - 1)))
    case .shlx: return source &<< (first & W(width - 1))
    case .shrx: return source &>> (first & W(width - 1))
    case .mulx: preconditionFailure("MULX has a body of its own.")
    }
  }

  /// TZCNT: CF says that the source is zero, ZF that the result is.
  mutating func trailingZeros<W: FixedWidthInteger & UnsignedInteger>(_ a: W) -> W {
    setBitFlags(W(a.trailingZeroBitCount), carry: a == 0)
  }

  /// LZCNT: likewise.
  mutating func leadingZeros<W: FixedWidthInteger & UnsignedInteger>(_ a: W) -> W {
    setBitFlags(W(a.leadingZeroBitCount), carry: a == 0)
  }
}

/// So many ones from bit 0 on; fewer than the width.
private func lowBits<W: FixedWidthInteger & UnsignedInteger>(_ count: UInt64) -> W {
  (1 << W(truncatingIfNeeded: count)) &- 1
}

/// PDEP: the source's low bits, one after the other, to where the mask has ones.
private func deposited<W: FixedWidthInteger & UnsignedInteger>(source: W, mask: W) -> W {
  var (result, source, mask) = (W.zero, source, mask)
  while mask != 0 {
    let lowest = mask & (0 &- mask)
    if source & 1 != 0 { result |= lowest }
    source >>= 1
    mask &= mask &- 1
  }
  return result
}

/// PEXT: the source's bits where the mask has ones, side by side.
private func extracted<W: FixedWidthInteger & UnsignedInteger>(source: W, mask: W) -> W {
  var (result, place, mask) = (W.zero, W(1), mask)
  while mask != 0 {
    if source & (mask & (0 &- mask)) != 0 { result |= place }
    place &<<= 1
    mask &= mask &- 1
  }
  return result
}

/// CRC32 accumulates by the polynomial 11EDC6F41H, bits reflected. SDM vol. 2A, "CRC32".
enum CRC32C {
  /// What a byte adds.
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { crc, _ in crc >> 1 ^ (crc & 1 != 0 ? 0x82F6_3B78 : 0) }
  }

  static func accumulated(_ sum: UInt32, _ source: UInt64, bytes: Int) -> UInt32 {
    (0..<bytes).reduce(sum) { sum, i in
      sum >> 8 ^ table[Int((sum ^ UInt32(truncatingIfNeeded: source >> UInt64(8 * i))) & 0xFF)]
    }
  }
}
