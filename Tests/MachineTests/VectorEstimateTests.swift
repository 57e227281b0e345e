import HostOracle
import Machine
import Testing

/// Goal: reciprocal estimates stay within the manual's error bound, and their special cases are the host's.
/// SDM vol. 2, "RCPPS", "RSQRTPS".
@Suite struct VectorEstimateTests {
  static let bound = 1.5 / 4096

  static func isSpecial(_ bits: UInt32) -> Bool { bits & 0x7F80_0000 == 0x7F80_0000 || bits & 0x7F80_0000 == 0 }

  private func single(_ value: Vector128) -> UInt32 { UInt32(truncatingIfNeeded: value.low) }

  @Test func reciprocalIsWithinTheBound() throws {
    var operands = OperandSource(seed: 700)
    for _ in 0..<200_000 {
      let bits = operands.doubleword()
      let source = Vector128(low: UInt64(bits), high: 0)
      let result = single(Vector128.zero.withReciprocalEstimate(of: source))
      let truth = 1 / Double(Float(bitPattern: bits))
      if Self.isSpecial(bits) {
        let host = oraclePackedXMM(oraclePackedNumber("rcpss"), HostVector(), source.host)
        try #require(UInt64(result) == host.low, "1/\(String(bits, radix: 16))")
      } else if abs(truth) < Double(Float.leastNormalMagnitude) {
        // Inputs from 2^126 (1 + 2^-12 + 2^-13) on give zero; between there and 2^126 either is right.
        let mayBeNormal = abs(truth) > Double(Float.leastNormalMagnitude) * (1 - Self.bound)
        try #require(result & 0x7FFF_FFFF == 0 || mayBeNormal)
        try #require(result >> 31 == bits >> 31)
      } else {
        let error = abs(Double(Float(bitPattern: result)) / truth - 1)
        try #require(error <= Self.bound, "1/\(String(bits, radix: 16)): \(error)")
      }
    }
  }

  @Test func reciprocalSquareRootIsWithinTheBound() throws {
    var operands = OperandSource(seed: 701)
    for _ in 0..<200_000 {
      let bits = operands.doubleword()
      let source = Vector128(low: UInt64(bits), high: 0)
      let result = single(Vector128.zero.withReciprocalSquareRootEstimate(of: source))
      if Self.isSpecial(bits) || bits >> 31 != 0 {
        let host = oraclePackedXMM(oraclePackedNumber("rsqrtss"), HostVector(), source.host)
        try #require(UInt64(result) == host.low, "1/√\(String(bits, radix: 16))")
      } else {
        let error = abs(Double(Float(bitPattern: result)) * Double(Float(bitPattern: bits)).squareRoot() - 1)
        try #require(error <= Self.bound, "1/√\(String(bits, radix: 16)): \(error)")
      }
    }
  }

  @Test func packedFormsDoEachElement() {
    let source = Vector128(
      low: UInt64(Float(4).bitPattern) | UInt64(Float(16).bitPattern) << 32,
      high: UInt64(Float(0.25).bitPattern) | UInt64(Float(1).bitPattern) << 32)
    #expect(
      source.reciprocalEstimates
        == Vector128(
          low: UInt64(Float(0.25).bitPattern) | UInt64(Float(0.0625).bitPattern) << 32,
          high: UInt64(Float(4).bitPattern) | UInt64(Float(1).bitPattern) << 32))
    #expect(
      source.reciprocalSquareRootEstimates
        == Vector128(
          low: UInt64(Float(0.5).bitPattern) | UInt64(Float(0.25).bitPattern) << 32,
          high: UInt64(Float(2).bitPattern) | UInt64(Float(1).bitPattern) << 32))
  }
}
