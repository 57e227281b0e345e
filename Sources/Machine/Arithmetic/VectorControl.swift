/// MXCSR, and when a SIMD floating-point exception keeps an instruction from writing its result.
/// Intel SDM vol. 1, "MXCSR Control and Status Register", "SSE and SSE2 SIMD Floating-Point Exceptions".

public struct MXCSR: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// After reset: every exception masked, round to nearest.
  public static let initial = MXCSR(rawValue: 0x1F80)

  /// What FXSAVE reports as MXCSR_MASK. A set bit outside it makes LDMXCSR and FXRSTOR fault (#GP).
  public static let mask: UInt32 = 0xFFFF

  public static let flags: UInt32 = 0x3F
  public static let denormalsAreZeros: UInt32 = 1 << 6
  public static let masks: UInt32 = 0x3F << 7
  public static let roundingControl: UInt32 = 3 << 13
  public static let flushToZero: UInt32 = 1 << 15

  /// The exception flags, at their places in MXCSR; each one's mask stands seven bits higher.
  public static let invalid: UInt32 = 1 << 0
  public static let denormal: UInt32 = 1 << 1
  public static let divideByZero: UInt32 = 1 << 2
  public static let overflow: UInt32 = 1 << 3
  public static let underflow: UInt32 = 1 << 4
  public static let precision: UInt32 = 1 << 5

  /// Found from the operands alone, before anything is computed.
  static let preComputation = invalid | denormal | divideByZero

  var masksEverything: Bool { rawValue & Self.masks == Self.masks }

  /// The exceptions that are not masked, at the flags' places.
  var unmasked: UInt32 { ~(rawValue >> 7) & Self.flags }
}

/// What a SIMD floating-point instruction comes to. With `raised` set it delivers #XM (or #UD while CR4.OSXMMEXCPT is
/// clear): `mxcsr` is then the one to keep, and `value` must not be written.
public struct VectorOutcome<Value> {
  public var value: Value
  public var mxcsr: MXCSR
  public var raised: Bool
}

extension VectorOutcome: Sendable where Value: Sendable {}
extension VectorOutcome: Equatable where Value: Equatable {}

extension MXCSR {
  /// Runs `instruction` under this MXCSR with every exception masked, and decides what unmasked ones change.
  ///
  /// "SIMD Floating-Point Exception Handling": the pre-computation exceptions of all elements come first, and if one is
  /// unmasked nothing is computed, hence no other flag set; the post-computation exceptions come after.
  ///
  /// A masked underflow is reported when the result is tiny and inexact, an unmasked one whenever it is tiny, and flush
  /// to zero counts only while underflow is masked: `isTiny` looks at the (then unflushed) result. `isInexact` is asked
  /// under the masked control word once an unmasked overflow or underflow is found.
  @inline(__always)
  func performing<Value>(
    isTiny: (Value) -> Bool = { _ in false }, isInexact: (UInt32) -> Bool = { _ in false },
    _ instruction: (UInt32) -> (value: Value, mxcsr: UInt32)
  ) -> VectorOutcome<Value> {
    if masksEverything {
      let (value, after) = instruction(rawValue)
      return VectorOutcome(value: value, mxcsr: MXCSR(rawValue: after), raised: false)
    }
    var control = rawValue & ~Self.flags | Self.masks
    if unmasked & Self.underflow != 0 { control &= ~Self.flushToZero }
    let (value, after) = instruction(control)
    var flags = after & Self.flags
    if flags & Self.preComputation & unmasked != 0 {
      flags &= Self.preComputation
    } else {
      if unmasked & Self.underflow != 0, isTiny(value) { flags |= Self.underflow }
      if flags & unmasked & (Self.overflow | Self.underflow) != 0 {
        flags = flags & ~Self.precision | (isInexact(control) ? Self.precision : 0)
      }
    }
    return VectorOutcome(
      value: value, mxcsr: MXCSR(rawValue: rawValue | flags), raised: flags & unmasked != 0)
  }
}
