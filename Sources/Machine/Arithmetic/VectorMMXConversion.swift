/// Conversions between packed integers in MMX registers and packed floating point in XMM registers, in terms of the
/// XMM-only ones: an unused element is zero, which converts exactly and raises nothing.
/// Intel SDM vol. 2, "CVTPI2PS", "CVTPI2PD", "CVTPS2PI", "CVTPD2PI", "CVTTPS2PI", "CVTTPD2PI".
///
/// All but CVTPI2PS and CVTPI2PD with a memory operand also switch the x87 state to MMX (`X87State.enterMMX`) and wait for
/// pending x87 exceptions; that is the caller's part.

import HostFloatingPoint

extension MXCSR {
  /// CVTPI2PS: two doublewords become two singles; the destination's high half stays.
  public func convertingToSingles(_ source: UInt64, over destination: Vector128) -> VectorOutcome<Vector128> {
    var outcome = performing(.cvtdq2ps, destination, Vector128(low: source, high: 0))
    outcome.value.high = destination.high
    return outcome
  }

  /// CVTPI2PD: two doublewords become two doubles, exactly.
  public func convertingToDoubles(_ source: UInt64) -> VectorOutcome<Vector128> {
    performing(.cvtdq2pd, .zero, Vector128(low: source, high: 0))
  }

  /// CVTPS2PI, and CVTTPS2PI when `truncating`: the low two singles.
  public func convertingSinglesToMMX(_ source: Vector128, truncating: Bool) -> VectorOutcome<UInt64> {
    lowQuadword(performing(truncating ? .cvttps2dq : .cvtps2dq, .zero, Vector128(low: source.low, high: 0)))
  }

  /// CVTPD2PI, and CVTTPD2PI when `truncating`.
  public func convertingDoublesToMMX(_ source: Vector128, truncating: Bool) -> VectorOutcome<UInt64> {
    lowQuadword(performing(truncating ? .cvttpd2dq : .cvtpd2dq, .zero, source))
  }

  private func lowQuadword(_ outcome: VectorOutcome<Vector128>) -> VectorOutcome<UInt64> {
    VectorOutcome(value: outcome.value.low, mxcsr: outcome.mxcsr, raised: outcome.raised)
  }
}
