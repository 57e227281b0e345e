/// The subject of the mail, asked of the bytes of Xen itself: Xen pushes the frame of what it passes on to its guest's kernel where that
/// kernel's RSP points.
///
/// Xen `xen/arch/x86/x86_64/entry.S`, `create_bounce_frame`.
import Findings

struct InvalidRSPThroughXen: ThreadQuestion {
  let title = "Does SYSCALL run on an invalid RSP under Xen?"
  let author = "the subject"
  let words = "Getting rid of invalid SYSCALL RSP under Xen?"
  let commands = [
    "limen check design:2015 --platform xen --hypervisor xen-4.17-amd64",
    "limen check design:complete --platform xen --hypervisor xen-4.17-amd64",
  ]
  let designs = ["2015", "complete"]

  func judge(_ runs: ThreadRuns) -> Judgement {
    let old = runs.sections("2015", .xen)
    let new = runs.sections("complete", .xen)
    let evidence = [
      ThreadTable(
        "Where `2015` runs on the user's RSP, and Xen on its guest's, and what does harm there",
        header: ["machine", "whose", "way", "boundaries", "where", "harmful there"],
        rows: old.flatMap { section in
          section.windows.filter { $0.kind == .rsp }.map {
            [
              section.machineText, $0.isHypervisors ? "Xen's" : "the kernel's", $0.direction.rawValue,
              "\($0.boundaries)", $0.places, $0.harmful.map(\.title).joined(separator: ", "),
            ]
          }
        }),
      ThreadTable(
        "The first of each that was broken", header: ["machine", "invariant", "path", "what happens"],
        rows: old.flatMap { section in
          section.findings.map {
            [
              section.machineText, $0.invariant.rawValue, $0.path.description,
              InvalidRSP.withoutAddresses($0.message),
            ]
          }
        }),
      ThreadTable(
        "Boundaries and trials", header: ["design", "machine", "boundaries", "trials", "verdict"],
        rows: [("2015", old), ("complete", new)].flatMap { title, sections in
          sections.map {
            [
              title, $0.machineText, "\($0.boundaries)", "\($0.trials.reduce(0) { $0 + $1.trials })", $0.verdictText,
            ]
          }
        }),
    ]
    guard !old.isEmpty, !new.isEmpty, (old + new).allSatisfy({ [.held, .violated].contains($0.verdict.kind) }) else {
      return Judgement(outcome: .open, answer: "Not both designs ran to their end.", evidence: evidence)
    }
    func counts(_ direction: Direction) -> String {
      Set(old.map { $0.kernelBoundaries(direction) }).sorted().map(String.init).joined(separator: " or ")
    }
    let windows = old.flatMap(\.windows).filter { $0.kind == .rsp }
    // What else is harmful there need not be by the frame.
    let pushed = old.flatMap(\.findings).filter { $0.invariant.rawValue == "rsp-owned" }
    let harm = Set(pushed.compactMap { $0.path.steps.first?.event }).sorted()
    let isOpen = old.allSatisfy { $0.brokenInvariants.contains("rsp-owned") } && !harm.isEmpty
    let isClosed = new.allSatisfy {
      $0.verdict.kind == .held && $0.kernelBoundaries(.entry) + $0.kernelBoundaries(.exit) == 0
    }
    let ownHarm = Set(windows.filter(\.isHypervisors).flatMap(\.harmful)).sorted()
    let answer =
      "In `2015` \(counts(.entry)) boundaries of the kernel's in and \(counts(.exit)) out run on the user's RSP. "
      + (isOpen
        ? "\(harm.map(\.title).joined(separator: ", ")) can arrive there, and Xen's own code pushes the frame at that RSP: rsp-owned is "
          + "violated. "
        : "No event did harm there. ")
      + (ownHarm.isEmpty
        ? "Where Xen runs on an RSP that is not its own nothing does harm. "
        : "Where Xen runs on an RSP that is not its own \(ownHarm.map(\.title).joined(separator: ", ")) does harm, too: the "
          + "second table says what. ")
      + (isClosed
        ? "`complete` has no such boundary, and holds." : "`complete` does not hold, or has such boundaries.")
    return Judgement(
      outcome: isOpen && isClosed ? .yes : isOpen ? .partly : .no, answer: answer, evidence: evidence)
  }
}

extension Window {
  /// The events that did harm in it.
  fileprivate var harmful: [EventKind] {
    Set(events.filter { $0.arrival == .harmful }.map(\.event)).sorted()
  }
}
