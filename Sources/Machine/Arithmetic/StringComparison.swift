/// PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM.
/// Intel SDM vol. 1, "Imm8 Control Byte Operation for PCMPESTRI / PCMPESTRM / PCMPISTRI / PCMPISTRM" and the sections in it.

public struct StringComparison: Sendable {
  /// IntRes2: a bit for each element of the second string.
  public let matches: UInt32
  /// As RFLAGS: CF any match, OF the first, ZF and SF that the second and the first string end within the register; AF and PF clear.
  public let flags: UInt64
  private let order: UInt8

  private static func elements(_ order: UInt8) -> Int { order & 1 == 0 ? 16 : 8 }

  /// - Parameter lengths: in elements; nil where a zero ends the string.
  public init(_ first: Vector128, _ second: Vector128, order: UInt8, lengths: (first: UInt64, second: UInt64)?) {
    let count = Self.elements(order)
    func values(_ vector: Vector128) -> [Int32] {
      (0..<count).map { i in
        switch order & 3 {
        case 0: Int32(vector.bytes[i])
        case 1: Int32(vector.unsignedWords[i])
        case 2: Int32(vector.signedBytes[i])
        default: Int32(vector.signedWords[i])
        }
      }
    }
    let (a, b) = (values(first), values(second))
    let lengthOfA = lengths.map { Int(min($0.first, UInt64(count))) } ?? a.firstIndex(of: 0) ?? count
    let lengthOfB = lengths.map { Int(min($0.second, UInt64(count))) } ?? b.firstIndex(of: 0) ?? count

    func matches(_ j: Int) -> Bool {
      switch order >> 2 & 3 {
      // Equal any: an element of the second string is one of the first.
      case 0: return j < lengthOfB && a[..<lengthOfA].contains(b[j])
      // Ranges: it lies between two neighbours of the first.
      case 1:
        return j < lengthOfB
          && stride(from: 0, to: lengthOfA - 1, by: 2).contains { a[$0] <= b[j] && b[j] <= a[$0 + 1] }
      // Equal each: both end here, or both are equal.
      case 2: return j < lengthOfA && j < lengthOfB ? a[j] == b[j] : j >= lengthOfA && j >= lengthOfB
      // Equal ordered: the first string begins here, as far as the register goes.
      default:
        return (0..<min(lengthOfA, count - j)).allSatisfy { j + $0 < lengthOfB && a[$0] == b[j + $0] }
      }
    }
    var result: UInt32 = 0
    for j in 0..<count where matches(j) { result |= 1 << UInt32(j) }
    switch order >> 4 & 3 {
    case 1: result ^= 1 << UInt32(count) - 1
    case 3: result ^= 1 << UInt32(lengthOfB) - 1
    default: break
    }
    self.matches = result
    self.order = order
    flags =
      (result != 0 ? RFLAGS.carry.rawValue : 0) | (result & 1 != 0 ? RFLAGS.overflow.rawValue : 0)
      | (lengthOfB < count ? RFLAGS.zero.rawValue : 0) | (lengthOfA < count ? RFLAGS.sign.rawValue : 0)
  }

  /// ECX: the first match, or the last where bit 6 says so, or the number of elements.
  public var index: UInt32 {
    if matches == 0 { return UInt32(Self.elements(order)) }
    return UInt32(order & 0x40 == 0 ? matches.trailingZeroBitCount : 31 - matches.leadingZeroBitCount)
  }

  /// XMM0: the matches as bits, or as whole elements where bit 6 says so.
  public var mask: Vector128 {
    if order & 0x40 == 0 { return Vector128(low: UInt64(matches)) }
    if order & 1 == 0 {
      var bytes = SIMD16<UInt8>()
      for i in 0..<16 where matches >> UInt32(i) & 1 != 0 { bytes[i] = 0xFF }
      return Vector128(elements: bytes)
    }
    var words = SIMD8<UInt16>()
    for i in 0..<8 where matches >> UInt32(i) & 1 != 0 { words[i] = 0xFFFF }
    return Vector128(elements: words)
  }
}
