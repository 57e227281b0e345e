import HostOracle
import Machine
import Testing

/// Goal: shuffles, unpacks and mask extraction agree with the host processor for every immediate.
@Suite struct VectorShuffleTests {
  static let rounds = hostRounds(16)

  @Test(arguments: ShuffleOperation.allCases)
  func shuffleAgreesWithTheHost(shuffle: ShuffleOperation) throws {
    let number = oracleImmediateNumber("\(shuffle)")
    try #require(number >= 0)
    var operands = OperandSource(seed: 300 + UInt64(shuffle.rawValue))
    for order in UInt8.min...UInt8.max {
      for _ in 0..<Self.rounds {
        let a = operands.vector()
        let b = operands.vector()
        let expected = Vector128(oracleImmediate(number, a.host, b.host, order))
        try #require(shuffle(a, b, order) == expected, "\(shuffle) \(a), \(b), \(order)")
        try #require(a.low.shuffledWords(order) == oraclePSHUFW(a.low, order), "pshufw \(a.low), \(order)")
      }
    }
  }

  static let moves: [(String, @Sendable (Vector128, Vector128) -> Vector128)] = [
    ("punpcklqdq", { $0.unpackedLowQuadwords($1) }), ("unpcklpd", { $0.unpackedLowQuadwords($1) }),
    ("movlhps", { $0.unpackedLowQuadwords($1) }), ("punpckhqdq", { $0.unpackedHighQuadwords($1) }),
    ("unpckhpd", { $0.unpackedHighQuadwords($1) }), ("movhlps", { $1.unpackedHighQuadwords($0) }),
    ("unpcklps", { PackedOperation.punpckldq($0, $1) }), ("unpckhps", { PackedOperation.punpckhdq($0, $1) }),
    ("andnps", { PackedOperation.pandn($0, $1) }), ("movddup", { $1.unpackedLowQuadwords($1) }),
    ("movsldup", { $1.evenSinglesDoubled }), ("movshdup", { $1.oddSinglesDoubled }),
  ]

  @Test func unpacksAndDuplicationsAgreeWithTheHost() throws {
    var operands = OperandSource(seed: 400)
    for (name, operation) in Self.moves {
      let number = oraclePackedNumber(name)
      try #require(number >= 0, "\(name)")
      for _ in 0..<hostRounds(1000) {
        let a = operands.vector()
        let b = operands.vector()
        let expected = Vector128(oraclePackedXMM(number, a.host, b.host))
        try #require(operation(a, b) == expected, "\(name) \(a), \(b)")
      }
    }
  }

  static let masks: [(String, @Sendable (Vector128) -> UInt32)] = [
    ("pmovmskb", { $0.byteSigns }), ("movmskps", { $0.singleSigns }), ("movmskpd", { $0.doubleSigns }),
  ]

  @Test func signMasksAgreeWithTheHost() throws {
    var operands = OperandSource(seed: 500)
    for (name, mask) in Self.masks {
      let number = oracleMaskNumber(name)
      try #require(number >= 0)
      for _ in 0..<hostRounds(5000) {
        let a = operands.vector()
        try #require(mask(a) == oracleMask(number, a.host), "\(name) \(a)")
      }
    }
  }

  /// SDM vol. 2, "PINSRW", "PEXTRW": the low two (MMX) or three (XMM) bits of the immediate name the word.
  @Test func wordsAreNamedModuloTheirNumber() {
    let a = Vector128(low: 0x3333_2222_1111_0000, high: 0x7777_6666_5555_4444)
    for index in UInt8.min...UInt8.max {
      #expect(a.word(at: index) == UInt16(index & 7) * 0x1111)
      #expect(a.low.word(at: index) == UInt16(index & 3) * 0x1111)
      let inserted = a.insertingWord(0xABCD, at: index)
      #expect(inserted.word(at: index) == 0xABCD)
      #expect(inserted.insertingWord(UInt16(index & 7) * 0x1111, at: index) == a)
    }
  }
}
