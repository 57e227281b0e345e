import HostOracle
import Machine
import Testing

/// Goal: every packed integer instruction gives what the host processor gives, for MMX and XMM registers, over operands
/// drawn to extremes. (720,000 comparisons; `LIMEN_HOST_ROUNDS` multiplies them.)
@Suite struct VectorIntegerTests {
  static let rounds = hostRounds(6_000)

  @Test(arguments: PackedOperation.allCases)
  func operationAgreesWithTheHost(operation: PackedOperation) throws {
    let number = oraclePackedNumber("\(operation)")
    try #require(number >= 0)
    var operands = OperandSource(seed: UInt64(operation.rawValue))
    for _ in 0..<Self.rounds {
      let a = operands.vector()
      let b = operands.vector()
      let xmm = Vector128(oraclePackedXMM(number, a.host, b.host))
      try #require(operation(a, b) == xmm, "\(operation) \(a), \(b)")
      let mmx = oraclePackedMMX(number, a.low, b.low)
      try #require(operation(a.low, b.low) == mmx, "\(operation) \(a.low), \(b.low)")
    }
  }

  @Test(arguments: PackedShift.allCases)
  func shiftAgreesWithTheHost(shift: PackedShift) throws {
    let number = oraclePackedNumber("\(shift)")
    let immediateNumber = oracleImmediateNumber("\(shift)")
    try #require(number >= 0 && immediateNumber >= 0)
    var operands = OperandSource(seed: 100 + UInt64(shift.rawValue))
    for round in 0..<Self.rounds {
      let a = operands.vector()
      // Half of the counts are near the elements' widths.
      let low = round & 1 == 0 ? UInt64(operands.below(70)) : operands.quadword()
      let count = Vector128(low: low, high: operands.next())
      let xmm = Vector128(oraclePackedXMM(number, a.host, count.host))
      try #require(shift(a, by: count.low) == xmm, "\(shift) \(a), \(count)")
      let mmx = oraclePackedMMX(number, a.low, count.low)
      try #require(shift(a.low, by: count.low) == mmx, "\(shift) \(a.low), \(count)")
      let immediate = UInt8(truncatingIfNeeded: round)
      let shifted = Vector128(oracleImmediate(immediateNumber, a.host, a.host, immediate))
      try #require(shift(a, by: UInt64(immediate)) == shifted, "\(shift) \(a), \(immediate)")
    }
  }

  @Test(arguments: ["pslldq", "psrldq"])
  func byteShiftAgreesWithTheHost(name: String) throws {
    let number = oracleImmediateNumber(name)
    try #require(number >= 0)
    var operands = OperandSource(seed: 200)
    for round in 0..<Self.rounds {
      let a = operands.vector()
      let count = UInt8(truncatingIfNeeded: round)
      let expected = Vector128(oracleImmediate(number, a.host, a.host, count))
      let result = name == "pslldq" ? a.shiftedLeft(bytes: count) : a.shiftedRight(bytes: count)
      try #require(result == expected, "\(name) \(a), \(count)")
    }
  }
}
