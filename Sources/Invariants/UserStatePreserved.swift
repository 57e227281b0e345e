/// A crossing leaves of the user's state what its interface says, and after any event that equals the run without it.
import Findings

struct UserStatePreserved: Monitor {
  static let description = InvariantDescription(
    identifier: "user-state-preserved",
    claim:
      "A crossing changes of the user's state what its interface says and nothing else, with an event no more than without.",
    why:
      "A system call returns in RAX and may change RCX and R11, a signal's frame holds what was interrupted, an interrupt "
      + "leaves everything. Nothing else may change of a register, flag, selector, hidden segment attribute, floating-point "
      + "state or memory of the task, neither on every pass nor because of an event that user code cannot observe.",
    citation:
      "Intel SDM vol. 2B, \"SYSCALL\"; vol. 3A, \"Interrupt and Exception Handling\"; System V ABI, AMD64 supplement, "
      + "\"Linux Conventions\"; rt_sigreturn(2)",
    specimens: ["ablation register-not-restored"])

  func goesOn(as other: UserStatePreserved) -> Bool { true }

  func judge(_ run: Outcome) -> Violation? {
    guard run.end == .user, let view = run.view else { return nil }
    // Without its signal nothing more is said of the run: see `WorkDone`.
    if run.alarmIsDue && run.contract?.isInHandler(view) != true { return nil }
    if let expected = run.expected, let difference = view.difference(from: expected) {
      return Violation(
        "the user's state is disturbed: \(difference)", at: view.rip, origin: run.eventOrigin, Outcome.eventWords)
    }
    return run.contract?.breach(view, frame: run.frame).map {
      Violation("the crossing changes what it must keep: \($0)", at: view.rip)
    }
  }
}
