/// The instruction that returns to user mode does not fault in kernel mode on the user's RSP or GS.
///
/// SDM vol. 2B, "SYSRET": a non-canonical return address faults at privilege 0 on Intel's processors (CVE-2006-0744,
/// CVE-2012-0217).
import Findings

struct CleanExit: Monitor {
  static let description = InvariantDescription(
    identifier: "clean-exit",
    claim: "The return instruction never faults in kernel mode with the user's RSP or GS base.",
    why:
      "A fault of SYSRET or IRET is delivered in kernel mode, after the exit code has already given RSP and GS back to the "
      + "user. The handler then runs on a stack that the user chose.",
    citation: "Intel SDM vol. 2B, \"SYSRET\"; vol. 2A, \"IRET/IRETD/IRETQ\"; AMD APM vol. 3, \"SYSRET\"",
    specimens: ["ablation swapgs-skipped-at-exit"])

  private var fault: DeliveryRecord?

  /// IRET with the user's GS and a kernel stack is the documented fix-up path of kernels; it is judged by what follows.
  mutating func take(_ delivery: DeliveryRecord) {
    guard fault == nil, delivery.atReturn, delivery.fromKernel, !delivery.injected, delivery.vector != 1,
      delivery.ownership.contains(.userRSP)
    else { return }
    fault = delivery
  }

  func goesOn(as other: CleanExit) -> Bool { fault == nil && other.fault == nil }

  func judge(_ run: Outcome) -> Violation? {
    if let fault {
      return Violation(
        "the return instruction raised \(fault.name) in kernel mode with the user's RSP", step: fault.step,
        at: fault.from, of: fault.use(of: .rsp))
    }
    // User mode on the kernel's GS base: whatever returned here did not give GS back.
    if run.end == .user, let view = run.view, let contract = run.contract, view.gsBase != contract.gsBase {
      return Violation(
        "user mode runs on GS base \(hex(view.gsBase)), which is the kernel's", at: view.rip,
        of: StateUse(.gsBase, at: .max))
    }
    return nil
  }
}
