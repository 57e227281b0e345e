/// The same crossings on several machines, side by side: kernels, platforms and profiles, each explored as `limen check` does.
import Findings

public struct Comparison: Sendable {
  /// One for each kernel, all with the same questions.
  public let checkers: [Checker]
  /// Nothing is explored but what a guest sees on a model of its hypervisor and on the hypervisor itself.
  let onlyAgreement: Bool

  public init(checkers: [Checker], onlyAgreement: Bool = false) {
    self.checkers = checkers
    self.onlyAgreement = onlyAgreement
  }

  public struct Result: Sendable {
    public var report: DiffReport
    /// For each kernel, in the order of the checkers.
    public var witnesses: [[Witness]]
    /// So too: each kernel's own report, and the runs of its sections where they were asked for.
    public var reports: [CheckReport]
    public var records: [[SectionRecord]]
  }

  /// A reason that `stop` gives ends it, as it ends a check.
  ///
  /// - Parameter showsRuns: whether the runs are made once more and written down.
  public func compare(
    showsRuns: Bool = false, stop: () -> String? = { nil }, progress: @escaping @Sendable (CheckStage) -> Void
  ) throws -> Result {
    var sides: [DiffSide] = []
    var witnesses: [[Witness]] = []
    var reports: [CheckReport] = []
    var records: [[SectionRecord]] = []
    var columns: [[Checker.Task: DiffCell]] = []
    var machines: [Checker.Combination] = []
    let agreements = try checkers.flatMap { try $0.agreements(stop: stop, progress: progress) }
    if onlyAgreement {
      for checker in checkers {
        sides += checker.combinations.map {
          DiffSide(kernel: checker.identity, platform: $0.platform, profile: $0.profile)
        }
      }
      return Result(
        report: DiffReport(sides: sides, crossings: [], agreements: agreements), witnesses: checkers.map { _ in [] },
        reports: [], records: [])
    }
    for checker in checkers {
      let result = try checker.check(stop: stop, progress: progress)
      witnesses.append(result.witnesses)
      reports.append(result.report)
      if showsRuns {
        records.append(
          checker.records(of: result.report, arrivals: result.arrivals, stop: { stop() != nil }))
      }
      for machine in checker.combinations {
        machines.append(machine)
        sides.append(DiffSide(kernel: checker.identity, platform: machine.platform, profile: machine.profile))
        var column: [Checker.Task: DiffCell] = [:]
        for section in result.report.sections
        where section.platform == machine.platform && section.profile == machine.profile {
          let task = Checker.Task(section)
          column[task] = DiffCell(section: section, parts: result.parts[task])
        }
        columns.append(column)
      }
    }
    guard let first = columns.first else { preconditionFailure("a comparison needs a machine") }
    let crossings = first.values.map { cell in
      let (crossing, posture) = (cell.section.crossing, cell.section.posture)
      return DiffCrossing(
        crossing: crossing, posture: posture,
        sides: zip(machines, columns).map { machine, column in
          column[Checker.Task(machine: machine, crossing: crossing, posture: posture)]!
        })
    }
    return Result(
      report: DiffReport(sides: sides, crossings: crossings, agreements: agreements), witnesses: witnesses,
      reports: reports, records: records)
  }
}
