/// No event is pushed where the user's RSP points.
///
/// SDM vol. 3A, "64-Bit Mode Stack Frame": without a stack switch the frame goes to the current RSP, whoever chose it.
import Findings

struct RSPOwned: Monitor {
  static let description = InvariantDescription(
    identifier: "rsp-owned",
    claim: "No event is pushed where the user's RSP points.",
    why:
      "Between SYSCALL and the load of a kernel stack, RSP is whatever the user left in it. An event that pushes its frame "
      + "there writes the kernel's return address into memory that the user chose, or kills the kernel when the memory is not "
      + "there. Stacks of the interrupt's own (IST) and masking are what keeps such windows harmless.",
    citation:
      "Intel SDM vol. 3A, \"64-Bit Mode Stack Frame\", \"Interrupt Stack Table\"; AMD APM vol. 2, \"Interrupt-Stack "
      + "Table\"",
    specimens: [
      "ablation nmi-without-ist", "ablation db-without-ist", "ablation mc-without-ist",
      "ablation kernel-stack-pointer-user", "ablation frame-at-user-rsp",
    ])

  private var violation: Violation?

  mutating func take(_ delivery: DeliveryRecord) {
    guard violation == nil, !delivery.ownership.isDisjoint(with: .notKernelStack) else { return }
    let here = "the event was taken here, with RSP "
    if delivery.isLost {
      guard delivery.onCurrentStack else { return }
      violation = Violation(
        "the frame of \(delivery.name) could not be pushed at \(hex(delivery.frame)), where the user's RSP "
          + "\(hex(delivery.previousRSP)) pointed", step: delivery.step, at: delivery.from, origin: delivery.from,
        here + "still the user's")
    } else if delivery.fromKernel && delivery.vector == 8 {
      violation = Violation(
        "an event could not push its frame at \(hex(delivery.previousRSP)), which is not the kernel's stack, and became a "
          + "double fault", step: delivery.step, at: delivery.from, origin: delivery.from, here + "not the kernel's")
    } else if delivery.onCurrentStack {
      violation = Violation(
        "the frame of \(delivery.name) was pushed at \(hex(delivery.frame)), where the user's RSP "
          + "\(hex(delivery.previousRSP)) pointed", step: delivery.step, at: delivery.from, origin: delivery.from,
        here + "still the user's")
    }
  }

  func goesOn(as other: RSPOwned) -> Bool { violation == nil && other.violation == nil }

  func judge(_ run: Outcome) -> Violation? { violation }
}
