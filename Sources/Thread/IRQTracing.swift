/// The comment that the mail quotes: the entry's block without interrupts is not told to the tracer.
///
/// Linux `kernel/locking/lockdep.c`, `hardirqs_enabled`.
import Findings

struct IRQTracing: ThreadQuestion {
  let title = "Is the block that is not traced harmless?"
  let author = "the quoted comment of entry_64.S"
  let words =
    "We do not frame this tiny irq-off block with TRACE_IRQS_OFF/ON, it is too small to ever cause noticeable irq latency."
  let commands = ["limen check design:irq-tracing --crossing syscall64"]
  let designs = ["irq-tracing"]

  func judge(_ runs: ThreadRuns) -> Judgement {
    let cells = runs.cells(of: "irq-tracing")
    var rows: [[String]] = []
    for title in cells {
      for platform in PlatformName.running {
        guard let section = runs.cell(title, platform)?.section else { continue }
        let windows = section.windows.filter { $0.kind == .interruptTrace }
        rows += windows.map {
          [title, platform.rawValue, $0.direction.rawValue, "\($0.boundaries)", $0.places]
        }
        if windows.isEmpty { rows.append([title, platform.rawValue, "", "0", ""]) }
      }
    }
    let evidence = [
      ThreadTable(
        "Boundaries at which the kernel's record of the interrupt state is wrong",
        header: ["design", "platform", "way", "boundaries", "where"], rows: rows),
      ThreadTable(
        "What the crossing costs", header: ["design", "platform", "in", "work", "out"],
        rows: cells.flatMap { title in
          PlatformName.running.compactMap { platform in
            runs.parts(title, platform).map { [title, platform.rawValue] + ThreadRuns.costs($0) }
          }
        }),
      runs.verdictTable("The verdicts", cells, on: PlatformName.running),
    ]
    /// Of the boundaries before interrupts are first on, those that the record takes to be on.
    func wayIn(_ cell: String, _ platform: PlatformName) -> (missed: Int, all: Int)? {
      let title = "irq-tracing:\(cell)"
      guard let section = runs.cell(title, platform)?.section,
        let masked = runs.frames(title, platform).first(where: { $0.posture == "normal" })?.masked
      else { return nil }
      let missed = section.windows.filter { $0.kind == .interruptTrace && $0.start <= masked }.reduce(0) {
        $0 + min($1.boundaries, masked + 1 - $1.start)
      }
      return (missed, masked)
    }
    guard let omitted = wayIn("omitted", .bareMetal), let framed = wayIn("framed", .bareMetal),
      let native = runs.cell("irq-tracing:omitted", .bareMetal)?.section
    else { return Judgement(outcome: .open, answer: "Not both variants ran on bare metal.", evidence: evidence) }
    let isHarmless = native.verdict.kind == .held
    var answer =
      "On bare metal the way in has \(counted(omitted.all, "boundary", "boundaries")) with interrupts off, and the record misses "
      + "\(omitted.missed). Framed, there are \(framed.all), and it misses \(framed.missed): "
    answer +=
      framed.missed >= omitted.missed
      ? "on the user's RSP there is no stack to call the tracer on, and the calls make the block longer, so framing records no more. "
      : "framing makes the record better. "
    answer +=
      isHarmless
      ? "No event there broke an invariant: what is lost is the record, not the state."
      : "The verdict is \(native.verdictText)."
    return Judgement(
      outcome: !isHarmless ? .no : framed.missed >= omitted.missed ? .yes : .partly, answer: answer, evidence: evidence)
  }
}
