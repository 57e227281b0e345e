/// ROUNDPS, ROUNDPD, ROUNDSS, ROUNDSD, DPPS and DPPD.
/// Intel SDM vol. 2B, "ROUNDPD" (Table "Rounding Modes and Encoding of Rounding Control (RC) Field"); vol. 2A, "DPPS", "DPPD".
///
/// Rounding is computed here, since not every host has the instructions; products and sums are the host's, one exception after the other:
/// what a multiplication raises keeps the sums from being made.

public enum SSE4FloatOperation: UInt8, CaseIterable, Sendable {
  case roundps, roundpd, roundss, roundsd, dpps, dppd
}

/// How DPPS and DPPD add. The sums are the same but where both addends are NaNs, of which the first is the result (SDM vol. 1, table
/// "Rules for Handling NaNs").
public enum DotProductSums: Sendable {
  /// HADDPS and HADDPD of the products with themselves: the lower element is the first addend, and every element the same sum.
  case ofPairs
  /// Each element adds its own products, in an order of its own.
  case ofEachElement
}

extension MXCSR {
  public func performing(
    _ operation: SSE4FloatOperation, _ destination: Vector128, _ source: Vector128, _ immediate: UInt8,
    sums: DotProductSums
  ) -> VectorOutcome<Vector128> {
    switch operation {
    case .roundps: rounding(source, immediate) { $0.roundedSingles($1) }
    case .roundpd: rounding(source, immediate) { $0.roundedDoubles($1) }
    case .roundss:
      rounding(source, immediate) { rounding, source in
        destination.replacingLow32(with: rounding.single(UInt32(truncatingIfNeeded: source.low)))
      }
    case .roundsd:
      rounding(source, immediate) { rounding, source in destination.replacingLow64(with: rounding.double(source.low)) }
    case .dpps: dotProductOfSingles(destination, source, immediate, sums)
    case .dppd: dotProductOfDoubles(destination, source, immediate, sums)
    }
  }

  private func rounding(
    _ source: Vector128, _ immediate: UInt8, _ operation: (inout Rounding, Vector128) -> Vector128
  ) -> VectorOutcome<Vector128> {
    performing { control in
      var rounding = Rounding(control, immediate)
      let value = operation(&rounding, source)
      return (value, control | rounding.raised)
    }
  }

  /// Elements that bits 4 to 7 leave out are zeros, which raise nothing; bits 0 to 3 say where the sum goes.
  private func dotProductOfSingles(
    _ a: Vector128, _ b: Vector128, _ order: UInt8, _ sums: DotProductSums
  ) -> VectorOutcome<Vector128> {
    func kept(_ value: Vector128, _ mask: UInt8) -> Vector128 {
      var elements = value.doublewords
      for i in 0..<4 where mask >> i & 1 == 0 { elements[i] = 0 }
      return Vector128(elements: elements)
    }
    var outcome = performing(.mulps, kept(a, order >> 4), kept(b, order >> 4))
    /// Its elements where the second sum has its addends: `step` away.
    func exchanged(_ value: Vector128, _ step: Int) -> Vector128 {
      let elements = value.doublewords
      var exchanged = elements
      for i in 0..<4 { exchanged[i] = elements[i ^ step] }
      return Vector128(elements: exchanged)
    }
    for isFirst in [true, false] where !outcome.raised {
      let value = outcome.value
      outcome =
        switch (sums, isFirst) {
        case (.ofPairs, _): outcome.mxcsr.performing(.haddps, value, value)
        case (.ofEachElement, true): outcome.mxcsr.performing(.addps, exchanged(value, 1), value)
        case (.ofEachElement, false): outcome.mxcsr.performing(.addps, value, exchanged(value, 2))
        }
    }
    outcome.value = kept(outcome.value, order)
    return outcome
  }

  private func dotProductOfDoubles(
    _ a: Vector128, _ b: Vector128, _ order: UInt8, _ sums: DotProductSums
  ) -> VectorOutcome<Vector128> {
    func kept(_ value: Vector128, _ mask: UInt8) -> Vector128 {
      Vector128(low: mask & 1 == 0 ? 0 : value.low, high: mask & 2 == 0 ? 0 : value.high)
    }
    var outcome = performing(.mulpd, kept(a, order >> 4), kept(b, order >> 4))
    if !outcome.raised {
      let value = outcome.value
      outcome =
        switch sums {
        case .ofPairs: outcome.mxcsr.performing(.haddpd, value, value)
        case .ofEachElement: outcome.mxcsr.performing(.addpd, value, Vector128(low: value.high, high: value.low))
        }
    }
    outcome.value = kept(outcome.value, order)
    return outcome
  }
}

/// One instruction's rounding, and the flags of MXCSR that its elements raise.
private struct Rounding {
  let rule: FloatingPointRoundingRule
  let isExact: Bool
  let flushesDenormals: Bool
  var raised: UInt32 = 0

  init(_ control: UInt32, _ immediate: UInt8) {
    let mode = immediate & 4 != 0 ? UInt8((control & MXCSR.roundingControl) >> 13) : immediate & 3
    rule = [.toNearestOrEven, .down, .up, .towardZero][Int(mode)]
    isExact = immediate & 8 != 0
    flushesDenormals = control & MXCSR.denormalsAreZeros != 0
  }

  mutating func single(_ bits: UInt32) -> UInt32 { rounded(Float(bitPattern: bits)).bitPattern }
  mutating func double(_ bits: UInt64) -> UInt64 { rounded(Double(bitPattern: bits)).bitPattern }

  private mutating func rounded<Value: BinaryFloatingPoint>(_ value: Value) -> Value {
    if value.isNaN {
      if value.isSignalingNaN { raised |= MXCSR.invalid }
      // A sum is quiet.
      return value + value
    }
    if flushesDenormals, value.isSubnormal { return value.sign == .minus ? -0.0 : 0 }
    let result = value.rounded(rule)
    if !isExact, result != value { raised |= MXCSR.precision }
    return result
  }

  mutating func roundedSingles(_ source: Vector128) -> Vector128 {
    var elements = source.doublewords
    for i in 0..<4 { elements[i] = single(elements[i]) }
    return Vector128(elements: elements)
  }

  mutating func roundedDoubles(_ source: Vector128) -> Vector128 {
    let low = double(source.low)
    return Vector128(low: low, high: double(source.high))
  }
}
