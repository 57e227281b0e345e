/// Packed shifts, for MMX and XMM registers alike.
/// Intel SDM vol. 2, "PSLLW/PSLLD/PSLLQ", "PSRLW/PSRLD/PSRLQ", "PSRAW/PSRAD", "PSLLDQ", "PSRLDQ".

/// `destination ← each element shifted by count`. The count is the whole low quadword of the source operand (or an
/// immediate byte): one beyond the element's width gives zeros, or copies of the sign.
public enum PackedShift: UInt8, CaseIterable, Sendable {
  case psllw, pslld, psllq, psrlw, psrld, psrlq, psraw, psrad

  public func callAsFunction(_ a: Vector128, by count: UInt64) -> Vector128 { result(a, count) }
  public func callAsFunction(_ a: UInt64, by count: UInt64) -> UInt64 { result(a, count) }

  @inline(__always)
  private func result<R: PackedRegister>(_ a: R, _ count: UInt64) -> R {
    switch self {
    case .psllw: count > 15 ? .zero : R(elements: a.unsignedWords &<< R.UnsignedWords(repeating: UInt16(count)))
    case .pslld: count > 31 ? .zero : R(elements: a.doublewords &<< R.Doublewords(repeating: UInt32(count)))
    case .psllq: count > 63 ? .zero : a.quadwords(a) { value, _ in value &<< count }
    case .psrlw: count > 15 ? .zero : R(elements: a.unsignedWords &>> R.UnsignedWords(repeating: UInt16(count)))
    case .psrld: count > 31 ? .zero : R(elements: a.doublewords &>> R.Doublewords(repeating: UInt32(count)))
    case .psrlq: count > 63 ? .zero : a.quadwords(a) { value, _ in value &>> count }
    case .psraw: R(elements: a.signedWords &>> R.SignedWords(repeating: Int16(min(count, 15))))
    case .psrad: R(elements: a.signedDoublewords &>> R.SignedDoublewords(repeating: Int32(min(count, 31))))
    }
  }
}

extension Vector128 {
  /// PSLLDQ: to the left by whole bytes; a count over 15 leaves nothing.
  public func shiftedLeft(bytes count: UInt8) -> Vector128 {
    switch count {
    case 0: self
    case 1...7: Vector128(low: low << (8 * count), high: high << (8 * count) | low >> (64 - 8 * count))
    case 8...15: Vector128(low: 0, high: low << (8 * (count - 8)))
    default: .zero
    }
  }

  /// PSRLDQ: to the right by whole bytes; a count over 15 leaves nothing.
  public func shiftedRight(bytes count: UInt8) -> Vector128 {
    switch count {
    case 0: self
    case 1...7: Vector128(low: low >> (8 * count) | high << (64 - 8 * count), high: high >> (8 * count))
    case 8...15: Vector128(low: high >> (8 * (count - 8)), high: 0)
    default: .zero
    }
  }
}
