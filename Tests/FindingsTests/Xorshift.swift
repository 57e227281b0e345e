/// Marsaglia's xorshift64: the tests' source of disorder, the same in every run.
struct Xorshift: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  /// One to three small accidents: a flipped bit, a byte from elsewhere, a piece cut out, doubled, or the end lost.
  mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...3, using: &self) where !bytes.isEmpty {
      let at = Int.random(in: 0..<bytes.count, using: &self)
      let end = min(bytes.count, at + Int.random(in: 1...24, using: &self))
      switch Int.random(in: 0..<5, using: &self) {
      case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &self)
      case 1: bytes[at] = bytes.randomElement(using: &self)!
      case 2: bytes.removeSubrange(at..<end)
      case 3: bytes.insert(contentsOf: bytes[at..<end], at: at)
      default: if Int.random(in: 0..<8, using: &self) == 0 { bytes.removeSubrange(at...) }
      }
    }
    return bytes
  }
}
