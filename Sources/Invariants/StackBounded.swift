/// The kernel's stack holds what events push on it.
///
/// SDM vol. 3A, "Double Fault Exception (#DF)": a push beyond the stack's last page faults while an exception is delivered.
import Findings

struct StackBounded: Monitor {
  static let description = InvariantDescription(
    identifier: "stack-bounded",
    claim: "The stack of the crossing does not overflow, whatever arrives.",
    why:
      "Events nest on the stack of what they interrupt. A kernel that leaves too little room runs into the guard page or, "
      + "without one, over its neighbour.",
    citation: "Intel SDM vol. 3A, \"Double Fault Exception (#DF)\"",
    specimens: ["ablation kernel-stack-short"])

  private var fault: DeliveryRecord?

  mutating func take(_ delivery: DeliveryRecord) {
    // The fault that became a double fault lies just below the stack pointer. That of an IRET lies where the frame was that it took: a
    // kernel may have put that elsewhere than on a stack, and what it makes of the double fault shows (Linux: espfix).
    guard fault == nil, !delivery.isLost, !delivery.atReturn, delivery.vector == 8, delivery.cr2 != 0,
      delivery.previousRSP &- delivery.cr2 < 4096, !delivery.ownership.contains(.userRSP),
      !delivery.ownership.contains(.userTables)
    else { return }
    fault = delivery
  }

  func goesOn(as other: StackBounded) -> Bool { fault == nil && other.fault == nil }

  func judge(_ run: Outcome) -> Violation? {
    fault.map { Violation("a push below RSP \(hex($0.previousRSP)) left the stack", step: $0.step, at: $0.from) }
  }
}
