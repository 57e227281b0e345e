/// No event is pushed where the user's RSP points.
///
/// SDM vol. 3A, "64-Bit Mode Stack Frame": without a stack switch the frame goes to the current RSP, whoever chose it.
import Findings

struct RSPOwned: Invariant {
  let description = InvariantDescription(
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

  func judge(_ run: Evidence) -> Violation? {
    for delivery in run.deliveries where !delivery.ownership.isDisjoint(with: .notKernelStack) {
      if delivery.fromKernel && delivery.vector == 8 {
        return Violation(
          "an event could not push its frame at \(hex(delivery.previousRSP)), which is not the kernel's stack, and became a "
            + "double fault", step: delivery.step, at: delivery.from, origin: delivery.from,
          "the event was taken here, with RSP not the kernel's")
      }
      guard delivery.onCurrentStack else { continue }
      return Violation(
        "the frame of \(delivery.name) was pushed at \(hex(delivery.frame)), where the user's RSP "
          + "\(hex(delivery.previousRSP)) pointed", step: delivery.step, at: delivery.from, origin: delivery.from,
        "the event was taken here, with RSP still the user's")
    }
    if let lost = run.lostFrame, lost.onCurrentStack, !lost.ownership.isDisjoint(with: .notKernelStack) {
      return Violation(
        "the frame of \(lost.name) could not be pushed at \(hex(lost.frame)), where the user's RSP "
          + "\(hex(lost.previousRSP)) pointed", step: lost.step, at: lost.from, origin: lost.from,
        "the event was taken here, with RSP still the user's")
    }
    return nil
  }
}
