/// The crossing ends.
///
/// Linux 7ddc6a2199f1 (an opportunistic SYSRET that traps for ever) is the kind of defect it finds.
import Findings

struct Progress: Monitor {
  static let description = InvariantDescription(
    identifier: "progress",
    claim: "The task is back in user mode after a bounded number of instructions.",
    why:
      "A crossing that an event sends into a loop holds the processor for ever, which any user program can then cause.",
    citation: "Intel SDM vol. 3B, \"Debug Exceptions (#DB)\"",
    specimens: ["ablation return-loops"])

  func goesOn(as other: Progress) -> Bool { true }

  func judge(_ run: Outcome) -> Violation? {
    guard case .bound(let instructions) = run.end else { return nil }
    return Violation(
      "not back in user mode after \(instructions) instructions", at: run.stoppedAt ?? run.boundary?.rip ?? 0,
      origin: run.eventOrigin, Outcome.eventWords)
  }
}
