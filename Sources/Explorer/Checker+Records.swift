/// The runs that a report shows, made once more and written down.
import Findings
import Subjects

extension Checker {
  /// The longest part of a run that is kept: of a crossing, and of what an event leads to.
  private static let longestCrossing = 20_000
  private static let longestFinding = 4_000
  private static let mostFindings = 8
  /// Boundaries of all runs together; more would make a page that no browser likes.
  private static let mostBoundaries = 400_000

  /// A record for each section of the report, in its order. Those with findings come first when there are more than are kept.
  ///
  /// - Parameter arrivals: what became of the events, by section.
  package func records(
    of report: CheckReport, arrivals: [Task: [[EventKind: Arrival]]] = [:], stop: () -> Bool = { false },
    progress: (String) -> Void = { _ in }
  ) -> [SectionRecord] {
    var records = report.sections.map { section in
      SectionRecord(arrivals: arrivals[Task(section)] ?? [], findings: section.findings.map { _ in nil })
    }
    var machines: [Combination: ReadyMachine] = [:]
    var room = Self.mostBoundaries
    let order = report.sections.indices.sorted {
      (report.sections[$0].findings.isEmpty ? 1 : 0, $0) < (report.sections[$1].findings.isEmpty ? 1 : 0, $1)
    }
    for (done, index) in order.enumerated() where room > 0 && !stop() {
      let section = report.sections[index]
      let task = Task(section)
      progress("writing down runs: section \(done + 1) of \(order.count)")
      guard section.baseline != nil,
        let machine = try? machines[task.machine] ?? snapshot(task.machine).ready(warn: warn)
      else { continue }
      machines[task.machine] = machine
      func run(_ events: [Int: EventKind], _ longest: Int) -> TraceRecord? {
        let exploration = Exploration(
          machine, crossing: task.crossing, posture: task.posture, events: [], ablations: ablations
        ) { _, _ in "" }
        let trace = try? exploration.trace(
          events, accesses: true, registers: true, longest: min(longest, room), of: identity)
        room -= trace?.steps.count ?? 0
        return trace?.sourced(sourceLine)
      }
      records[index].crossing = run([:], Self.longestCrossing)
      for (place, finding) in section.findings.prefix(Self.mostFindings).enumerated() where room > 0 {
        let events = Dictionary(
          finding.path.steps.map { ($0.boundary, $0.event) }, uniquingKeysWith: { first, _ in first })
        records[index].findings[place] = run(events, Self.longestFinding + (finding.path.steps.last?.boundary ?? 0))
      }
    }
    return records
  }
}
