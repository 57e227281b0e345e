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
    let frame = "the frame of \(delivery.name)"
    let users = "where the user's RSP \(hex(delivery.previousRSP)) pointed"
    func blame(_ message: String) {
      violation = Violation(message, step: delivery.step, at: delivery.from, of: delivery.use(of: .rsp))
    }
    if delivery.isLost {
      guard delivery.onCurrentStack else { return }
      blame("\(frame) could not be pushed at \(hex(delivery.frame)), \(users)")
    } else if delivery.fromKernel && delivery.vector == 8 {
      blame(
        "an event could not push its frame at \(hex(delivery.previousRSP)), which is not the kernel's stack, and became a "
          + "double fault")
    } else if delivery.onCurrentStack {
      blame("\(frame) was pushed at \(hex(delivery.frame)), \(users)")
    }
  }

  func goesOn(as other: RSPOwned) -> Bool { violation == nil && other.violation == nil }

  func judge(_ run: Outcome) -> Violation? { violation }
}
