/// What an IBPB leaves in the return stack the kernel overwrites before it returns.
///
/// AMD APM vol. 3, CPUID Fn8000_0008 EBX, "IBPB_RET".
import Findings
import Machine

struct ReturnStackFilled: Monitor {
  static let description = InvariantDescription(
    identifier: "return-stack-filled",
    claim:
      "Where IBPB leaves the return stack alone, a kernel that makes one at an entry makes 32 calls that nothing returns to before its first "
      + "return.",
    why:
      "Without CPUID's IBPB_RET an IBPB takes everything from the branch predictors but the addresses in the return stack, and those are user "
      + "mode's (Linux 6.12 and its stable series fill it in entry_ibpb). It is asked of entries alone: whether a barrier between two "
      + "tasks or guests needs one hangs on which of them runs next, which no crossing shows. A kernel that makes no IBPB at its entries owes "
      + "nothing here.",
    citation: "AMD APM vol. 3, \"CPUID Fn8000_0008_EBX\"; Linux arch/x86/entry/entry.S, write_ibpb",
    specimens: [])

  /// The return stack of every part concerned has no more entries.
  private static let entries = 32

  let isOwed: Bool
  /// The kernel was entered from user mode, and has made no return since.
  private var awaitsReturn = false
  /// Calls since the barrier, where one was made.
  private var calls: Int?
  private var broken: Violation?

  init(isOwed: Bool) { self.isOwed = isOwed }

  mutating func watch(_ transition: Transition) {
    guard isOwed else { return }
    switch transition.kind {
    case .entry: (awaitsReturn, calls) = (true, nil)
    case .event where transition.delivery?.fromKernel == false: (awaitsReturn, calls) = (true, nil)
    case .exit where !transition.after.isKernel: awaitsReturn = false
    default: return
    }
  }

  mutating func execute(_ sight: Sight) {
    guard isOwed, awaitsReturn, sight.isKernel, let next = sight.nextInstruction else { return }
    if sight.isAboutToWritePredictorBarrier { calls = 0 }
    if next.isCall, let made = calls { calls = min(made + 1, Self.entries) }
    guard next.kind == .nearReturn else { return }
    awaitsReturn = false
    guard broken == nil, let calls, calls < Self.entries else { return }
    broken = Violation(
      "the first return behind an IBPB is made with \(calls) calls behind it, and the return stack is user mode's",
      step: sight.step,
      at: sight.rip)
  }

  func needsEveryBoundary(_ sight: Sight) -> Bool { awaitsReturn && sight.isKernel }

  func goesOn(as other: ReturnStackFilled) -> Bool {
    broken == nil && other.broken == nil && awaitsReturn == other.awaitsReturn && calls == other.calls
  }

  func judge(_ run: Outcome) -> Violation? { broken }
}
