/// What falls due inside a crossing is done before user mode goes on.
///
/// Linux Documentation/core-api/entry.rst, "Syscalls", "Interrupts and regular exceptions"; setitimer(2); signal(7).
import Findings

struct WorkDone: Monitor {
  static let description = InvariantDescription(
    identifier: "work-done",
    claim: "An alarm that runs out inside a crossing has its signal before user mode goes on.",
    why:
      "On its way out the kernel looks whether there is work: a signal, another task's turn. What comes between that look and user mode is not seen "
      + "until the next crossing, which may be far away; so interrupts are off from the last look on. An interrupt there, or a look "
      + "that is skipped, loses a wake-up. The timer's interrupt is injected at every boundary with an alarm of the user's just run out (posture "
      + "alarm-due), and the signal's handler must be what user mode goes on with.",
    citation: "Linux Documentation/core-api/entry.rst; setitimer(2)",
    specimens: [])

  func goesOn(as other: WorkDone) -> Bool { true }

  func judge(_ run: Outcome) -> Violation? {
    guard run.alarmIsDue, run.end == .user, let view = run.view, let contract = run.contract,
      !contract.isInHandler(view)
    else { return nil }
    return Violation(
      "an alarm ran out inside the crossing, and user mode goes on without its signal", at: view.rip,
      origin: run.eventOrigin, Outcome.eventWords)
  }
}
