/// What arrives once does no harm that only the next arrival would show.
///
/// SDM vol. 3A, "64-Bit Task State Segment", "64-Bit Mode IDT"; vol. 2B, "SYSCALL", "SWAPGS".
import Findings

struct EntriesKept: Monitor {
  static let description = InvariantDescription(
    identifier: "entries-kept",
    claim:
      "Behind every crossing and every event the kernel is entered as before: by the same ways, onto the same stacks.",
    why:
      "A handler may move what the next entry loads, such as the stack of its own gate, so that it can be interrupted itself, or give GS "
      + "back by another way than it took it. What it does not put back does no harm until somebody enters again, or until it "
      + "was moved often enough; a run of one crossing ends before that.",
    citation:
      "Intel SDM vol. 3A, \"64-Bit Task State Segment\", \"64-Bit Mode IDT\"; vol. 2B, \"SYSCALL\", \"SWAPGS\"; "
      + "Linux Documentation/x86/kernel-stacks of the time when entries moved the IST")

  func goesOn(as other: EntriesKept) -> Bool { true }

  func judge(_ run: Outcome) -> Violation? {
    guard run.end == .user, let change = run.entryChange else { return nil }
    return Violation(
      "the kernel will not be entered as before: \(change)", at: run.view?.rip ?? 0, origin: run.eventOrigin,
      Outcome.eventWords)
  }
}
