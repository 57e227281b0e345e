/// The precision flag beside an unmasked overflow or underflow: it says whether the result, rounded to the format's
/// precision but of unbounded exponent, was exact. A masked run on the host cannot tell, since it goes on to round into
/// the format's range; the x87 FPU can, with its wider exponent and its precision control.
/// Intel SDM vol. 1, "Numeric Overflow Exception (#O)", "Numeric Underflow Exception (#U)".

import HostFloatingPoint

extension SSEInstruction {
  /// The operation that each element of the result comes from; nil for instructions that neither overflow nor underflow.
  private var elementOperation: (X87Arithmetic, isDouble: Bool, elements: Int)? {
    switch self {
    case .addps, .haddps, .addsubps: (.fadd, false, 4)
    case .subps, .hsubps: (.fsub, false, 4)
    case .mulps: (.fmul, false, 4)
    case .divps: (.fdiv, false, 4)
    case .addpd, .haddpd, .addsubpd: (.fadd, true, 2)
    case .subpd, .hsubpd: (.fsub, true, 2)
    case .mulpd: (.fmul, true, 2)
    case .divpd: (.fdiv, true, 2)
    case .addss: (.fadd, false, 1)
    case .subss: (.fsub, false, 1)
    case .mulss: (.fmul, false, 1)
    case .divss: (.fdiv, false, 1)
    case .addsd: (.fadd, true, 1)
    case .subsd: (.fsub, true, 1)
    case .mulsd: (.fmul, true, 1)
    case .divsd: (.fdiv, true, 1)
    default: nil
    }
  }

  /// Element i's own operands.
  private func operands(_ i: Int, _ a: Vector128, _ b: Vector128, isDouble: Bool) -> (UInt64, UInt64) {
    func element(_ v: Vector128, _ i: Int) -> UInt64 {
      if isDouble { return i == 0 ? v.low : v.high }
      return (i < 2 ? v.low : v.high) >> (i & 1 == 0 ? 0 : 32) & 0xFFFF_FFFF
    }
    switch self {
    case .haddps, .hsubps: return (element(i < 2 ? a : b, i % 2 * 2), element(i < 2 ? a : b, i % 2 * 2 + 1))
    case .haddpd, .hsubpd: return (element(i == 0 ? a : b, 0), element(i == 0 ? a : b, 1))
    default: return (element(a, i), element(b, i))
    }
  }

  /// Whether any element of the result is inexact, those that overflow or underflow unmasked judged by unbounded
  /// exponent. `control` has every exception masked and no flag set; `unmasked` holds the guest's unmasked ones.
  func isInexact(_ a: Vector128, _ b: Vector128, control: UInt32, unmasked: UInt32) -> Bool {
    switch self {
    case .cvtpd2ps:
      return isInexact(.fmul, a: b.low, b: (1.0).bitPattern, alone: .cvtsd2ss, b.low, control, unmasked)
        || isInexact(.fmul, a: b.high, b: (1.0).bitPattern, alone: .cvtsd2ss, b.high, control, unmasked)
    case .cvtsd2ss:
      return isInexact(.fmul, a: b.low, b: (1.0).bitPattern, alone: .cvtsd2ss, b.low, control, unmasked)
    default: break
    }
    guard let (operation, isDouble, elements) = elementOperation else { return false }
    return (0..<elements).contains { i in
      let (x, y) = operands(i, a, b, isDouble: isDouble)
      // ADDSUB subtracts in the even elements.
      let subtracts = (self == .addsubps || self == .addsubpd) && i & 1 == 0
      let operation = subtracts ? .fsub : operation
      return isInexact(operation, a: x, b: y, alone: operation.scalar(isDouble), y, control, unmasked)
    }
  }

  /// One element, computed by the scalar instruction `alone` from `a` and `source`, and by the x87 FPU from `a` and `b`.
  private func isInexact(
    _ operation: X87Arithmetic, a: UInt64, b: UInt64, alone: SSEInstruction, _ source: UInt64, _ control: UInt32,
    _ unmasked: UInt32
  ) -> Bool {
    let host = hostSSE(alone, HostVector(low: a, high: 0), HostVector(low: source, high: 0), control)
    let overflows = host.mxcsr & MXCSR.overflow & unmasked != 0
    let isTiny = host.mxcsr & MXCSR.underflow != 0 || alone.tinyResult.isTiny(Vector128(host.value))
    let underflows = unmasked & MXCSR.underflow != 0 && isTiny
    guard overflows || underflows else { return host.mxcsr & MXCSR.precision != 0 }
    let readsDoubles = alone.tinyResult == .scalarDouble || alone == .cvtsd2ss
    // Exceptions masked, 24 or 53 bits, the same rounding control.
    let precision: UInt16 = alone.tinyResult == .scalarDouble ? 0x200 : 0
    let word = 0x7F | precision | UInt16(control >> 13 & 3) << 10
    let x = hostX87Load(readsDoubles ? .fldl : .flds, HostExtended(significand: a, signExponent: 0), word).st0
    let y = HostExtended(significand: b, signExponent: 0)
    return hostX87Arithmetic(operation, readsDoubles ? .double : .single, x, y, word).status & X87Status.precision != 0
  }
}

extension X87Arithmetic {
  fileprivate func scalar(_ isDouble: Bool) -> SSEInstruction {
    switch self {
    case .fsub: isDouble ? .subsd : .subss
    case .fmul: isDouble ? .mulsd : .mulss
    case .fdiv: isDouble ? .divsd : .divss
    default: isDouble ? .addsd : .addss
    }
  }
}
