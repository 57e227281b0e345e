/// Where interrupts are enabled, before the join point or behind it, against how the callback is registered.
///
/// Xen `xen/include/public/callback.h`, CALLBACKF_mask_events.
import Findings

struct MaskEvents: ThreadQuestion {
  let title = "Must CALLBACKF_mask_events be special-cased?"
  let author = "Andrew Cooper"
  let words = "xen_enable_syscall() will want to special case register_callback() to not set CALLBACKF_mask_events"
  let commands = ["limen check design:enter-later --platform xen-pv --crossing syscall64"]
  let designs = ["enter-later"]

  func judge(_ runs: ThreadRuns) -> Judgement {
    let cells = runs.cells(of: "enter-later")
    let sections = cells.compactMap { title in runs.cell(title, .xenPV).map { (title, $0.section) } }
    var evidence = [
      ThreadTable(
        "The four cells under Xen: interrupts enabled before or after the join point, callbacks with or without the flag",
        header: ["design", "verdict", "claims off, is on", "what happens"],
        rows: sections.map { title, section in
          [
            title, section.verdictText, counted(section.boundaries(.interrupts, .entry), "boundary", "boundaries"),
            section.findings.first { $0.invariant.rawValue == "interrupts-as-claimed" }.map {
              "\($0.location): \($0.message)"
            } ?? "",
          ]
        })
    ]
    evidence.append(runs.verdictTable("The same cells on bare metal", cells, on: [.bareMetal]))
    func holds(_ cell: String) -> Bool? {
      guard let section = sections.first(where: { $0.0 == "enter-later:\(cell)" })?.1 else { return nil }
      return !section.brokenInvariants.contains("interrupts-as-claimed") && section.verdict.kind != .inconclusive
    }
    guard let beforeMasked = holds("before-masked"), let beforeUnmasked = holds("before-unmasked"),
      let afterMasked = holds("after-masked"), let afterUnmasked = holds("after-unmasked")
    else { return Judgement(outcome: .open, answer: "Not all four cells ran.", evidence: evidence) }
    let possible = [
      ("before-masked", beforeMasked), ("before-unmasked", beforeUnmasked), ("after-masked", afterMasked),
      ("after-unmasked", afterUnmasked),
    ].filter(\.1).map { "`\($0.0)`" }
    let choice =
      possible.isEmpty
      ? "None of the four could have been chosen."
      : "The authors could have chosen \(possible.joined(separator: " or "))."
    let answer: String
    let outcome: ThreadOutcome
    switch (beforeMasked, beforeUnmasked) {
    case (false, true):
      outcome = .yes
      answer =
        "With the enabling before the join point, as the code stood, the flag leaves the whole system call with upcalls "
        + "masked, and without it the claims hold."
    case (true, _):
      outcome = .no
      answer = "With the enabling before the join point the flag does no harm here."
    case (false, false):
      outcome = .partly
      answer = "With the enabling before the join point neither registration is what the kernel claims."
    }
    return Judgement(outcome: outcome, answer: "\(answer) \(choice)", evidence: evidence)
  }
}
