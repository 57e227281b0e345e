/// Behind the test that decides SWAPGS something orders what follows, before anything is reached through GS.
///
/// Intel, "Speculative Behavior of SWAPGS and Segment Registers"; Linux Documentation/admin-guide/hw-vuln/spectre.rst.
import Findings
import Machine

struct SWAPGSFenced: Monitor {
  static let description = InvariantDescription(
    identifier: "swapgs-fenced",
    claim:
      "Where the part runs ahead of the test that decides SWAPGS, a fence, a write of CR3 or an unconditional GS base stands behind the "
      + "test, and behind SWAPGS, before the handler's first access through GS.",
    why:
      "A handler that may come from user mode and from the kernel branches on CS and swaps GS on one arm. Predicted wrongly, the "
      + "arm without SWAPGS reads per-CPU data at the user's base, and the other arm swaps where nothing was to be swapped (CVE-2019-1125). An "
      + "order on each arm keeps the access back until the branch is decided.",
    citation: "Intel, \"Speculative Behavior of SWAPGS and Segment Registers\"",
    specimens: ["ablation swapgs-fence-skipped"])

  private enum Stage: Sendable, Hashable {
    case none
    /// A handler has begun; nothing was decided yet.
    case begun
    /// Something was decided that nothing has ordered since.
    case decided
    /// What was decided is ordered; SWAPGS may still follow.
    case ordered
  }

  let isOwed: Bool
  private var stage = Stage.none
  private var broken: Violation?

  init(isOwed: Bool) { self.isOwed = isOwed }

  mutating func watch(_ transition: Transition) {
    guard isOwed else { return }
    switch transition.kind {
    case .event: stage = .begun
    case .entry, .exit: stage = .none
    default: return
    }
  }

  mutating func execute(_ sight: Sight) {
    guard stage != .none, sight.isKernel, let next = sight.nextInstruction else { return }
    switch next.kind {
    case .conditionalBranch: if stage == .begun { stage = .decided }
    case .swapGS: if stage == .ordered { stage = .decided }
    case .fence: if stage == .decided { stage = .ordered }
    default: break
    }
    guard next.usesGS else { return }
    if stage == .decided, broken == nil {
      broken = Violation(
        "the handler's first access through GS comes without a fence behind the branch that decides SWAPGS",
        step: sight.step,
        at: sight.rip)
    }
    stage = .none
  }

  func needsEveryBoundary(_ sight: Sight) -> Bool { stage != .none && sight.isKernel }

  func goesOn(as other: SWAPGSFenced) -> Bool { broken == nil && other.broken == nil && stage == other.stage }

  func judge(_ run: Outcome) -> Violation? { broken }
}
