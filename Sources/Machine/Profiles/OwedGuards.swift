/// What a kernel owes its users on a part: the guards against speculation that the part's vendor asks for at the threshold. It follows from the
/// part, not from the kernel; each part's file says from where.

public struct OwedGuards: OptionSet, Sendable, Hashable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// IBRS before the kernel's first return or indirect branch: the predictors are shared between privileges, and returns are predicted
  /// by them where the return stack is empty. Intel, "Return Stack Buffer Underflow"; "Indirect Branch Restricted Speculation".
  public static let restrictedBranches = OwedGuards(rawValue: 1 << 0)
  /// A serialising instruction behind the test that decides SWAPGS. Intel, "Speculative Behavior of SWAPGS and Segment Registers".
  public static let fencedSWAPGS = OwedGuards(rawValue: 1 << 1)
  /// VERW, with a memory operand, behind the kernel's last data. Intel, "Microarchitectural Data Sampling" and "Register File Data Sampling";
  /// AMD, "Technical Guidance for Mitigating Transient Scheduler Attacks".
  public static let clearedBuffers = OwedGuards(rawValue: 1 << 2)
  /// A return whose prediction a CALL has taken over is made before anything else returns. AMD, "Technical Update Regarding Speculative
  /// Return Stack Overflow"; AMD-SB-7061.
  public static let heldReturns = OwedGuards(rawValue: 1 << 3)
}
