/// SSE, SSE2 and SSE3 floating-point arithmetic, comparison and conversion. The arithmetic itself is the host's, see
/// `HostFloatingPoint`; the rules around it are here.
/// Intel SDM vol. 1, "Programming with Intel Streaming SIMD Extensions", "Programming with Intel Streaming SIMD
/// Extensions 2"; vol. 2, the instructions' pages.
///
/// The source of a scalar instruction is its low element; what stands above it does not count.

import HostFloatingPoint

extension MXCSR {
  /// `op destination, source`: ADDPS to HSUBPD and the conversions between XMM registers.
  public func performing(
    _ instruction: SSEInstruction, _ destination: Vector128, _ source: Vector128
  ) -> VectorOutcome<Vector128> {
    let isInexact = { instruction.isInexact(destination, source, control: $0, unmasked: unmasked) }
    return performing(isTiny: instruction.tinyResult.isTiny, isInexact: isInexact) { control in
      let result = hostSSE(instruction, destination.host, source.host, control)
      return (Vector128(result.value), result.mxcsr)
    }
  }

  /// CMPPS, CMPPD, CMPSS, CMPSD; only the low three bits of `predicate` count in these encodings.
  public func comparing(
    _ instruction: SSECompareInstruction, _ predicate: UInt8, _ destination: Vector128, _ source: Vector128
  ) -> VectorOutcome<Vector128> {
    performing { control in
      let result = hostSSECompare(instruction, predicate, destination.host, source.host, control)
      return (Vector128(result.value), result.mxcsr)
    }
  }

  /// COMISS, COMISD, UCOMISS, UCOMISD: CF, PF and ZF at their places in RFLAGS; OF, SF and AF become 0.
  public func comparingToFlags(
    _ instruction: SSEFlagComparison, _ left: Vector128, _ right: Vector128
  ) -> VectorOutcome<UInt64> {
    performing { control in
      let result = hostSSECompareToFlags(instruction, left.host, right.host, control)
      return (result.value, result.mxcsr)
    }
  }

  /// CVTSS2SI, CVTSD2SI, CVTTSS2SI, CVTTSD2SI; a 32-bit result comes zero-extended.
  public func convertingToInteger(_ instruction: SSEToInteger, _ source: Vector128) -> VectorOutcome<UInt64> {
    performing { control in
      let result = hostSSEToInteger(instruction, source.host, control)
      return (result.value, result.mxcsr)
    }
  }

  /// CVTSI2SS, CVTSI2SD.
  public func convertingFromInteger(
    _ instruction: SSEFromInteger, _ destination: Vector128, _ source: UInt64
  ) -> VectorOutcome<Vector128> {
    performing { control in
      let result = hostSSEFromInteger(instruction, destination.host, source, control)
      return (Vector128(result.value), result.mxcsr)
    }
  }
}

/// The elements of a result that can be tiny.
enum TinyResult {
  case none, packedSingle, packedDouble, scalarSingle, scalarDouble

  @inline(__always)
  func isTiny(_ value: Vector128) -> Bool {
    switch self {
    case .none: false
    case .packedSingle: isDenormalPair(value.low) || isDenormalPair(value.high)
    case .packedDouble: isDenormal(double: value.low) || isDenormal(double: value.high)
    case .scalarSingle: isDenormal(single: value.low)
    case .scalarDouble: isDenormal(double: value.low)
    }
  }

  private func isDenormalPair(_ quadword: UInt64) -> Bool {
    isDenormal(single: quadword) || isDenormal(single: quadword >> 32)
  }
  private func isDenormal(single: UInt64) -> Bool { single & 0x7F80_0000 == 0 && single & 0x7F_FFFF != 0 }
  private func isDenormal(double: UInt64) -> Bool {
    double & 0x7FF0_0000_0000_0000 == 0 && double & 0xF_FFFF_FFFF_FFFF != 0
  }
}

extension SSEInstruction {
  var tinyResult: TinyResult {
    switch self {
    case .addps, .subps, .mulps, .divps, .addsubps, .haddps, .hsubps, .cvtpd2ps: .packedSingle
    case .addpd, .subpd, .mulpd, .divpd, .addsubpd, .haddpd, .hsubpd: .packedDouble
    case .addss, .subss, .mulss, .divss, .cvtsd2ss: .scalarSingle
    case .addsd, .subsd, .mulsd, .divsd: .scalarDouble
    // A root is far from tiny, a minimum or maximum is copied, and the other conversions reach no tiny value.
    case .minps, .minpd, .minss, .minsd, .maxps, .maxpd, .maxss, .maxsd, .sqrtps, .sqrtpd, .sqrtss, .sqrtsd,
      .cvtps2pd, .cvtss2sd, .cvtdq2ps, .cvtdq2pd, .cvtps2dq, .cvttps2dq, .cvtpd2dq, .cvttpd2dq:
      .none
    }
  }
}
