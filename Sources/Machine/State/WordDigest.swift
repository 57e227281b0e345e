/// One number for many words, to tell them apart inside one process: FNV-1a (Fowler, Noll, Vo) over words instead of bytes, with the
/// upper half folded into the lower. It is no seal.
public struct WordDigest {
  public private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  public init() {}

  @inline(__always)
  public mutating func add(_ word: UInt64) {
    value = (value ^ word) &* 0x0000_0100_0000_01B3
    value ^= value >> 32
  }

  public mutating func add(_ text: String) {
    for byte in text.utf8 { add(UInt64(byte)) }
    add(UInt64(text.utf8.count))
  }
}
