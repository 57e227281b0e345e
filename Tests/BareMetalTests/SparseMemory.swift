import BareMetal
import Testing

/// Guest-physical memory as the writes of a start make it. What nobody wrote reads as EE, and ends a string.
struct SparseMemory {
  private(set) var bytes: [UInt64: UInt8] = [:]

  /// No two of the writes may overlap.
  init(_ writes: [PhysicalWrite]) {
    for write in writes {
      for (index, byte) in write.bytes.enumerated() {
        let previous = bytes.updateValue(byte, forKey: write.address + UInt64(index))
        #expect(previous == nil, "two writes overlap")
      }
    }
  }

  /// Little-endian, of up to eight bytes.
  func load(_ address: UInt64, _ size: Int) -> UInt64 {
    (0..<size).reduce(0) { $0 | UInt64(bytes[address + UInt64($1)] ?? 0xEE) << UInt64(8 * $1) }
  }

  /// Up to a NUL.
  func string(_ address: UInt64) -> String {
    let text = sequence(first: address) { $0 + 1 }.lazy.map { bytes[$0] ?? 0 }.prefix { $0 != 0 }
    return String(decoding: Array(text), as: UTF8.self)
  }
}
