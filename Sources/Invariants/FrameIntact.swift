/// No event's frame is overwritten while somebody still needs it.
///
/// SDM vol. 3A, "Interrupt Stack Table": an IST stack is entered at the same address each time, so a second event on it
/// overwrites the first one's frame (CVE-2015-3290, CVE-2015-3291).
import Findings

struct FrameIntact: Invariant {
  let description = InvariantDescription(
    identifier: "frame-intact",
    claim: "No live frame is overwritten by another event.",
    why:
      "An IST stack starts at the same address for every event. When a second one arrives before the first has moved its "
      + "frame away, the first returns to where the second was taken.",
    citation: "Intel SDM vol. 3A, \"Interrupt Stack Table\", \"Handling Multiple NMIs\"",
    specimens: ["ablation nmi-unblocked-early"])

  func judge(_ run: Evidence) -> Violation? {
    guard run.end != .user || run.view != run.expected else { return nil }
    for (i, later) in run.deliveries.enumerated() {
      for earlier in run.deliveries[..<i] where earlier.frame == later.frame && later.fromKernel {
        return Violation(
          "the frame of \(later.name) at \(hex(later.frame)) overwrote that of \(earlier.name)",
          step: later.step, at: later.from, origin: earlier.from, "the first of the two was taken here")
      }
    }
    return nil
  }
}
