/// User mode is given the trap of an instruction that it executed, and of no other.
///
/// SDM vol. 2, "ERETU": with the software event's bit and TF a #DB is due at once, that of the INT n, SYSCALL or SYSENTER.
import Findings

struct FREDSoftwareEvent: Monitor {
  static let description = InvariantDescription(
    identifier: "fred-software-event",
    claim: "A return to user mode makes up for a single-step trap only behind the instruction that did not have it.",
    why:
      "INT n, SYSCALL and SYSENTER clear TF before their own trap, and the frame's bit lets ERETU make up for it. Where TF was "
      + "not set for them, as before rt_sigreturn, or where the instruction is to be executed anew, the trap is that of none: it "
      + "comes before user mode's first instruction, and may come for ever.",
    citation: "Intel SDM vol. 2, \"ERETU\"; Linux e34dbbc85d64, 93f53499d0b9")

  /// The instruction of user mode's last event, where that was a software event under TF.
  private var trapped: UInt64?
  private var violation: Violation?

  mutating func take(_ delivery: DeliveryRecord, _ sight: FREDSight) {
    guard !delivery.isLost, let fred = delivery.fred, !delivery.fromKernel else { return }
    trapped = fred.isSoftwareEvent && sight.trapFlagWasSet ? delivery.from : nil
  }

  mutating func leave(_ back: FREDReturn) {
    guard violation == nil, !back.isKernel, back.sight.trapIsDue, trapped == nil || trapped == back.rip else { return }
    violation = Violation(
      "user mode is to have a single-step trap, and has executed no instruction under TF", step: back.step,
      at: back.rip, origin: back.from, "the return")
  }

  func goesOn(as other: FREDSoftwareEvent) -> Bool {
    violation == nil && other.violation == nil && trapped == other.trapped
  }

  func judge(_ run: Outcome) -> Violation? { violation }
}
