/// After any event the user's state equals that of the run without it.
import Findings

struct UserStatePreserved: Monitor {
  static let description = InvariantDescription(
    identifier: "user-state-preserved",
    claim: "What user mode can see after the crossing is the same with and without the event.",
    why: "An event that user code cannot observe must not change a register, flag, selector, hidden segment attribute, "
      + "floating-point state or memory of the interrupted task.",
    citation: "Intel SDM vol. 3A, \"Interrupt and Exception Handling\"",
    specimens: ["ablation register-not-restored"])

  func goesOn(as other: UserStatePreserved) -> Bool { true }

  func judge(_ run: Outcome) -> Violation? {
    guard run.end == .user, let view = run.view, let expected = run.expected else { return nil }
    guard let difference = view.difference(from: expected) else { return nil }
    return Violation(
      "the user's state is disturbed: \(difference)", at: view.rip, origin: run.eventOrigin, Outcome.eventWords)
  }
}
