/// What a kernel owes its users on a part: the guards against speculation that the part's vendor asks for at the threshold. It follows from the
/// part, not from the kernel; each part's file says from where.

public struct OwedGuards: OptionSet, Sendable, Hashable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

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
  /// The branch history of user mode overwritten, or kept out of the prediction, before a system call's first indirect branch. Intel, "Branch
  /// History Injection and Intra-mode Branch Target Injection".
  public static let clearedHistory = OwedGuards(rawValue: 1 << 4)
  /// The prediction of the return that a kernel makes first is taken from user mode before it is made: by IBPB, or by an instruction that has the
  /// RET among its bytes. AMD, "Technical Guidance for Mitigating Branch Type Confusion"; "Technical Update Regarding Speculative Return
  /// Stack Overflow".
  public static let untrainedReturns = OwedGuards(rawValue: 1 << 5)
  /// The same, by IBPB or by a branch that shares the RET's place in the predictor. AMD, "Technical Update Regarding Speculative Return Stack
  /// Overflow".
  public static let aliasedReturns = OwedGuards(rawValue: 1 << 8)
  /// Behind an IBPB at an entry the return stack is filled, which IBPB leaves as it is. AMD APM vol. 3, CPUID Fn8000_0008 EBX, "IBPB_RET".
  public static let filledReturnStack = OwedGuards(rawValue: 1 << 6)
  /// Returns and indirect branches end in the upper half of their cache line. Intel, "Indirect Target Selection".
  public static let alignedBranches = OwedGuards(rawValue: 1 << 7)
}
