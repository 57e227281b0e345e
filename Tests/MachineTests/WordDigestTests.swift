import Machine
import Testing

/// Goal: what tells two states apart sees the highest bits too, where a product with an odd number keeps a difference in its place.
@Suite struct WordDigestTests {
  @Test func twoDifferencesInTheHighestBitDoNotCancel() {
    var plain = WordDigest()
    var flipped = WordDigest()
    for _ in 0..<2 {
      plain.add(1)
      flipped.add(1 | 1 << 63)
    }
    #expect(plain.value != flipped.value)
  }

  /// SDM vol. 2, "MOVUPS": XMM1 with the signs of both halves, and without.
  @Test func theSignsOfAVectorRegisterAreSeen() throws {
    func digest(_ word: UInt64) throws -> UInt64 {
      let memory = try #require(PhysicalMemory(size: 1 << 20))
      let processor = Processor(memory: memory, profile: .intel)
      let (code, data): (UInt64, UInt64) = (0x1000, 0x2000)
      let pages = [
        UserPages(code..<code + 0x1000, isWritable: false, isExecutable: true),
        UserPages(data..<data + 0x1000, isWritable: true, isExecutable: false),
      ]
      try #require(processor.startUserMode(pages: pages, systemArea: 0x10000))
      processor.writePhysical([0x0F, 0x10, 0x08], at: code)
      processor.setPhysicalWord(word, at: data)
      processor.setPhysicalWord(word, at: data + 8)
      processor.rip = code
      processor[.rax] = data
      guard case .budget = processor.step() else {
        Issue.record("movups (%rax), %xmm1 did not complete")
        return 0
      }
      return processor.digestVectors()
    }
    #expect(try digest(5) == digest(5))
    #expect(try digest(5) != digest(5 | 1 << 63))
  }
}
