/// The comment that the mail quotes: the entry's block without interrupts is not told to the tracer.
///
/// Linux `kernel/locking/lockdep.c`, `hardirqs_enabled`.
import Findings

struct IRQTracing: ThreadQuestion {
  let title = "Is the block that is not traced harmless?"
  let author = "the quoted comment of entry_64.S"
  let words = "We do not frame this tiny irq-off block with TRACE_IRQS_OFF/ON, it is too small to ever cause noticeable irq latency."
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
            runs.cell(title, platform)?.parts.map { [title, platform.rawValue] + ThreadRuns.costs($0) }
          }
        }),
      runs.verdictTable("The verdicts", cells, on: PlatformName.running),
    ]
    func wrong(_ cell: String, _ platform: PlatformName) -> Int? {
      runs.cell("irq-tracing:\(cell)", platform)?.section.windows.filter { $0.kind == .interruptTrace }.reduce(0) {
        $0 + $1.boundaries
      }
    }
    guard let omitted = wrong("omitted", .bareMetal), let framed = wrong("framed", .bareMetal),
      let native = runs.cell("irq-tracing:omitted", .bareMetal)?.section
    else { return Judgement(outcome: .open, answer: "Not both variants ran on bare metal.", evidence: evidence) }
    let isHarmless = native.verdict.kind == .held
    return Judgement(
      outcome: isHarmless && omitted > framed ? .yes : isHarmless ? .partly : .no,
      answer: "On bare metal the record is wrong at \(counted(omitted, "boundary", "boundaries")) where the block is not traced and at "
        + "\(framed) where it is, between SYSCALL and the end of the call to the tracer. "
        + (isHarmless
          ? "No event at any of them broke an invariant: what is lost is the record, not the state."
          : "The verdict is \(native.verdictText)."),
      evidence: evidence)
  }
}
