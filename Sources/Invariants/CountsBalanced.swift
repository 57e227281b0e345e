/// What the kernel counts up around an event is counted down again, by whichever way back.
///
/// Linux include/linux/preempt.h, "preempt_count"; arch/x86/kernel/nmi.c, "nmi_state".
///
/// Not modelled: a count that no way back lowers, which nothing tells from a statistic; one that is kept by other instructions than INC, DEC, ADD, SUB and
/// XADD on memory.
import Findings

struct CountsBalanced: Monitor {
  static let description = InvariantDescription(
    identifier: "counts-balanced",
    claim:
      "What the kernel counts up and down again around its work is in user mode what it was, whatever arrived and by whatever way it came back.",
    why:
      "A kernel counts how deep it is in interrupts and NMIs, for how long it may not be preempted, who holds a reference. A way back that leaves such "
      + "a count up does no harm at once: later nothing is preempted any more, a stack is taken for used, or the count runs over. The counts "
      + "are found in runs of crossings and handlers that add to a word of memory, take as much away and do nothing else to it. It is asked "
      + "twice: one of them that an event leaves higher, and two of the event by twice as much, is not balanced on that way.",
    citation: "Linux include/linux/preempt.h; arch/x86/kernel/nmi.c, nmi_state")

  func goesOn(as other: CountsBalanced) -> Bool { true }

  func judge(_ run: Outcome) -> Violation? {
    guard run.end == .user, let left = run.leftCount else { return nil }
    let more = left.change > 0 ? "\(left.change) more" : "\(left.change.magnitude) less"
    if run.event == nil {
      return Violation(
        "what is counted here is \(more) behind the crossing than before it, and as much again with each further one",
        at: left.rip)
    }
    return Violation(
      "what is counted here is \(more) in user mode than without the event, and as much again with each further one",
      at: left.rip, origin: run.eventOrigin, Outcome.eventWords)
  }
}
