/// The first return that the kernel makes since user mode is one whose prediction user mode has lost.
///
/// AMD, "Technical Guidance for Mitigating Branch Type Confusion"; "Technical Update Regarding Speculative Return Stack Overflow".
import Findings
import Machine

struct ReturnsUntrained: Monitor {
  static let description = InvariantDescription(
    identifier: "returns-untrained",
    claim:
      "Where user mode can train the kernel's returns, the first one behind an entry is made behind an IBPB, or is untrained right before; not "
      + "both.",
    why:
      "On Zen to Zen 4 a branch of user mode's can decide how a return of the kernel's is predicted (Retbleed, CVE-2022-29900; Inception, "
      + "CVE-2023-20569). So all returns are made in one place, and each entry takes the prediction of that place from the user before the "
      + "first: on family 17H by an instruction that has the RET among its bytes, on family 19H by code whose address differs from that of "
      + "the RET's in bits 2, 8, 14 and 20. An IBPB does for all branches. Both together cost twice, and one hides that the other is misplaced.",
    citation:
      "AMD, \"Technical Guidance for Mitigating Branch Type Confusion\"; \"Technical Update Regarding Speculative Return Stack "
      + "Overflow\"; Linux Documentation/admin-guide/hw-vuln/srso.rst",
    specimens: ["ablation untraining-skipped"])

  /// In which a branch's address differs from that of the return that it untrains.
  private static let aliased: UInt64 = 1 << 2 | 1 << 8 | 1 << 14 | 1 << 20
  /// Untraining is a few instructions.
  private static let mostRecent = 12

  private struct Instruction: Sendable, Hashable {
    var rip: UInt64
    var length: Int

    /// It has the RET among its bytes.
    func covers(_ ret: UInt64) -> Bool { rip < ret && ret - rip < UInt64(length) }
  }

  private struct Waiting: Sendable, Hashable {
    var recent: [Instruction] = []
    var barrier = false
  }

  private let owed: OwedGuards
  private var isOwed: Bool { !owed.isEmpty }
  /// The kernel was entered from user mode, and has made no return since.
  private var waiting: Waiting?
  private var broken: Violation?

  init(_ owed: OwedGuards) { self.owed = owed.intersection([.untrainedReturns, .aliasedReturns]) }

  mutating func watch(_ transition: Transition) {
    guard isOwed else { return }
    switch transition.kind {
    case .entry: waiting = Waiting()
    case .event where transition.delivery?.fromKernel == false: waiting = Waiting()
    case .exit where !transition.after.isKernel: waiting = nil
    default: return
    }
  }

  mutating func execute(_ sight: Sight) {
    guard isOwed, sight.isKernel, var now = waiting, let next = sight.nextInstruction else { return }
    if sight.isAboutToWritePredictorBarrier { now.barrier = true }
    guard next.kind == .nearReturn else {
      if now.recent.count == Self.mostRecent { now.recent.removeFirst() }
      now.recent.append(Instruction(rip: sight.rip, length: next.length))
      waiting = now
      return
    }
    waiting = nil
    let isUntrained = untrains(now.recent, sight.rip)
    guard broken == nil, now.barrier == isUntrained else { return }
    broken = Violation(
      now.barrier
        ? "an IBPB was made and the kernel's first return untrained as well"
        : "the kernel's first return since user mode is made as user mode may have trained it",
      step: sight.step, at: sight.rip)
  }

  /// Whether what was executed right before takes the prediction of the RET from the user, as returns are untrained on the part.
  private func untrains(_ recent: [Instruction], _ ret: UInt64) -> Bool {
    if owed.contains(.untrainedReturns) && recent.contains(where: { $0.covers(ret) }) { return true }
    guard owed.contains(.aliasedReturns) else { return false }
    // What leads up to the RET, and what shares its place.
    let run = recent.map(\.rip).filter { $0 <= ret && ret - $0 <= 8 } + [ret]
    return recent.contains { other in run.contains { $0 ^ other.rip == Self.aliased } }
  }

  func needsEveryBoundary(_ sight: Sight) -> Bool { waiting != nil && sight.isKernel }

  func goesOn(as other: ReturnsUntrained) -> Bool { broken == nil && other.broken == nil && waiting == other.waiting }

  func judge(_ run: Outcome) -> Violation? { broken }
}
