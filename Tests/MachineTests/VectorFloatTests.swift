import HostOracle
import Machine
import Testing

/// Goal: the rules around SIMD floating-point arithmetic. With exceptions masked the arithmetic is the host's own; with
/// exceptions unmasked the host's #XM (taken as SIGFPE) is the oracle; comparison asymmetries are the manual's.
@Suite struct VectorFloatTests {
  /// Every instruction under random masks, rounding, flush to zero and sticky flags, against real exceptions.
  @Test(arguments: 0..<hostSSEInstructionCount)
  func unmaskedExceptionsAgreeWithTheHost(raw: UInt8) throws {
    let instruction = try #require(SSEInstruction(rawValue: raw))
    var operands = OperandSource(seed: 600 + UInt64(raw))
    var raised = 0
    for _ in 0..<hostRounds(4000) {
      let a = operands.vector()
      let b = operands.vector()
      // The denormals-are-zeros bit is rare, or denormals would hardly be met; sticky flags are random.
      let control = UInt32(truncatingIfNeeded: operands.next()) & (operands.below(4) == 0 ? 0xFFFF : 0xFFBF)
      var hostRaised = false
      let expected = oracleUnmaskedSSE(instruction, a.host, b.host, control, &hostRaised)
      let outcome = MXCSR(rawValue: control).performing(instruction, a, b)
      let place: Comment = "instruction \(raw): \(a), \(b) under \(String(control, radix: 16))"
      try #require(outcome.raised == hostRaised, place)
      try #require(outcome.mxcsr.rawValue == expected.mxcsr, place)
      if hostRaised { raised += 1 } else { try #require(outcome.value == Vector128(expected.value), place) }
    }
    // Every instruction but the conversion from doublewords to doubles can raise something.
    #expect(raised > 0 || instruction == .cvtdq2pd)
  }
}

/// Goal: the manual's tables where an operand is NaN or zero, in words of the manual rather than the host's.
/// SDM vol. 2, "MINPS", "MAXPS", "UCOMISS", "CVTSD2SI"; vol. 1, "Operating on SNaNs and QNaNs".
@Suite struct VectorFloatRulesTests {
  static let quietNaN: UInt64 = 0x7FC0_1111
  static let signallingNaN: UInt64 = 0x7F80_2222
  static let one: UInt64 = 0x3F80_0000
  static let minusZero: UInt64 = 0x8000_0000

  private func scalar(_ instruction: SSEInstruction, _ a: UInt64, _ b: UInt64) -> (value: UInt64, flags: UInt32) {
    let outcome = MXCSR.initial.performing(instruction, Vector128(low: a, high: 0), Vector128(low: b, high: 0))
    return (outcome.value.low, outcome.mxcsr.rawValue & MXCSR.flags)
  }

  @Test(arguments: [SSEInstruction.minss, .maxss])
  func minimumAndMaximumReturnTheSourceUnlessOrdered(instruction: SSEInstruction) {
    for (a, b, flags) in [
      (Self.quietNaN, Self.one, MXCSR.invalid), (Self.one, Self.quietNaN, MXCSR.invalid),
      (Self.one, Self.signallingNaN, MXCSR.invalid), (Self.minusZero, 0, 0), (0, Self.minusZero, 0),
    ] {
      // Even a signalling NaN is forwarded as it stands.
      #expect(scalar(instruction, a, b) == (b, flags))
    }
  }

  @Test func firstOperandsNaNWins() {
    #expect(scalar(.addss, Self.quietNaN, Self.quietNaN + 1) == (Self.quietNaN, 0))
    #expect(scalar(.addss, Self.one, Self.quietNaN) == (Self.quietNaN, 0))
    #expect(scalar(.addss, Self.quietNaN, Self.signallingNaN) == (Self.quietNaN, MXCSR.invalid))
    #expect(scalar(.addss, Self.signallingNaN, Self.quietNaN) == (Self.signallingNaN | 0x40_0000, MXCSR.invalid))
    // 0 × ∞: the default NaN.
    #expect(scalar(.mulss, 0, 0x7F80_0000) == (0xFFC0_0000, MXCSR.invalid))
  }

  @Test func comparisonsWriteThreeFlags() {
    let (carry, parity, zero): (UInt64, UInt64, UInt64) = (1, 4, 64)
    func compare(_ instruction: SSEFlagComparison, _ a: UInt64, _ b: UInt64) -> (UInt64, UInt32) {
      let outcome = MXCSR.initial.comparingToFlags(instruction, Vector128(low: a, high: 0), Vector128(low: b, high: 0))
      return (outcome.value, outcome.mxcsr.rawValue & MXCSR.flags)
    }
    #expect(compare(.ucomiss, Self.one, 0) == (0, 0))
    #expect(compare(.ucomiss, 0, Self.one) == (carry, 0))
    #expect(compare(.ucomiss, 0, Self.minusZero) == (zero, 0))
    #expect(compare(.ucomiss, Self.quietNaN, 0) == (carry | parity | zero, 0))
    #expect(compare(.comiss, Self.quietNaN, 0) == (carry | parity | zero, MXCSR.invalid))
    #expect(compare(.ucomiss, Self.signallingNaN, 0) == (carry | parity | zero, MXCSR.invalid))
  }

  @Test func conversionsAnswerTheIndefiniteInteger() {
    func convert(_ instruction: SSEToInteger, _ a: Double) -> (UInt64, UInt32) {
      let outcome = MXCSR.initial.convertingToInteger(instruction, Vector128(low: a.bitPattern, high: 0))
      return (outcome.value, outcome.mxcsr.rawValue & MXCSR.flags)
    }
    #expect(convert(.cvttsd2sil, -1.5) == (0xFFFF_FFFF, MXCSR.precision))
    #expect(convert(.cvtsd2sil, 2.5) == (2, MXCSR.precision))
    #expect(convert(.cvtsd2sil, 2_147_483_648) == (0x8000_0000, MXCSR.invalid))
    #expect(convert(.cvtsd2siq, 2_147_483_648) == (0x8000_0000, 0))
    #expect(convert(.cvtsd2siq, .nan) == (1 << 63, MXCSR.invalid))
  }

  @Test func integersConvertUnderTheRoundingControl() {
    let upwards = MXCSR(rawValue: MXCSR.initial.rawValue | 0x4000)
    let odd = (1 as UInt64) << 24 | 1
    let destination = Vector128(low: .max, high: 7)
    for (control, expected): (MXCSR, Float) in [(.initial, 16_777_216), (upwards, 16_777_218)] {
      let outcome = control.convertingFromInteger(.cvtsi2ssl, destination, odd)
      #expect(outcome.value == destination.replacingLow32(with: expected.bitPattern))
      #expect(outcome.mxcsr.rawValue == control.rawValue | MXCSR.precision)
    }
    #expect(MXCSR.initial.convertingFromInteger(.cvtsi2sdl, .zero, 0xFFFF_FFFF).value.low == (-1.0).bitPattern)
    #expect(MXCSR.initial.convertingFromInteger(.cvtsi2sdq, .zero, 0xFFFF_FFFF).value.low == 4_294_967_295.0.bitPattern)
  }

  @Test func conversionsForMMXUseTheLowElementsOnly() {
    let singles = Vector128(low: UInt64(Float(1.5).bitPattern) | UInt64(Float(-2.5).bitPattern) << 32, high: .max)
    let nearest = MXCSR.initial.convertingSinglesToMMX(singles, truncating: false)
    #expect(nearest.value == 0xFFFF_FFFE_0000_0002 && nearest.mxcsr.rawValue == 0x1FA0)
    #expect(MXCSR.initial.convertingSinglesToMMX(singles, truncating: true).value == 0xFFFF_FFFE_0000_0001)
    let doubles = Vector128(low: (1.5).bitPattern, high: (-2.5).bitPattern)
    #expect(MXCSR.initial.convertingDoublesToMMX(doubles, truncating: true).value == 0xFFFF_FFFE_0000_0001)
    let back = MXCSR.initial.convertingToSingles(0xFFFF_FFFE_0000_0001, over: Vector128(low: 5, high: 9))
    #expect(
      back.value == Vector128(low: UInt64(Float(1).bitPattern) | UInt64(Float(-2).bitPattern) << 32, high: 9))
    let wide = MXCSR.initial.convertingToDoubles(0xFFFF_FFFE_0000_0001).value
    #expect(wide == Vector128(low: (1.0).bitPattern, high: (-2.0).bitPattern))
  }

  /// SDM vol. 2, "CMPPS": predicates of the legacy encoding, on ordered, equal and unordered operands.
  @Test func predicatesFollowTheTable() {
    let pairs: [(UInt64, UInt64)] = [(0, Self.one), (Self.one, Self.one), (Self.one, 0), (Self.quietNaN, 0)]
    // Rows: EQ LT LE UNORD NEQ NLT NLE ORD; columns: less, equal, greater, unordered; then #I for a quiet NaN.
    let table: [([Bool], Bool)] = [
      ([false, true, false, false], false), ([true, false, false, false], true), ([true, true, false, false], true),
      ([false, false, false, true], false), ([true, false, true, true], false), ([false, true, true, true], true),
      ([false, false, true, true], true), ([true, true, true, false], false),
    ]
    for (predicate, row) in table.enumerated() {
      for ((a, b), truth) in zip(pairs, row.0) {
        let outcome = MXCSR.initial.comparing(
          .cmpss, UInt8(predicate) | 8, Vector128(low: a | 5 << 32, high: 0), Vector128(low: b, high: 0))
        #expect(outcome.value == Vector128(low: (truth ? 0xFFFF_FFFF : 0) | 5 << 32, high: 0))
        let invalid = a == Self.quietNaN && row.1
        #expect(outcome.mxcsr.rawValue & MXCSR.flags == (invalid ? MXCSR.invalid : 0))
      }
    }
  }
}
