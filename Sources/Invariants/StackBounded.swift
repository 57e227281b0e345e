/// The kernel's stack holds what events push on it.
///
/// SDM vol. 3A, "Double Fault Exception (#DF)": a push beyond the stack's last page faults while an exception is delivered.
import Findings

struct StackBounded: Invariant {
  let description = InvariantDescription(
    identifier: "stack-bounded",
    claim: "The stack of the crossing does not overflow, whatever arrives.",
    why:
      "Events nest on the stack of what they interrupt. A kernel that leaves too little room runs into the guard page or, "
      + "without one, over its neighbour.",
    citation: "Intel SDM vol. 3A, \"Double Fault Exception (#DF)\"",
    specimens: ["ablation kernel-stack-short"])

  func judge(_ run: Evidence) -> Violation? {
    for delivery in run.deliveries where delivery.vector == 8 {
      // The fault that became a double fault lies just below the stack pointer.
      guard delivery.cr2 != 0, delivery.previousRSP &- delivery.cr2 < 4096, !delivery.ownership.contains(.userRSP),
        !delivery.ownership.contains(.userTables)
      else {
        continue
      }
      return Violation(
        "a push below RSP \(hex(delivery.previousRSP)) left the stack", step: delivery.step, at: delivery.from)
    }
    return nil
  }
}
