import Findings

/// Prints every document in every format, from the findings alone.
public struct Reporter {
  /// What `sarif` calls rules, whether or not anything broke them.
  let invariants: [InvariantDescription]
  /// These two concern the format for a terminal alone: no table is wider if it can, where there is a width.
  let colour: Bool
  let columns: Int?

  public init(invariants: [InvariantDescription] = [], colour: Bool = false, columns: Int? = nil) {
    self.invariants = invariants
    self.colour = colour
    self.columns = columns
  }

  /// The whole text, ending in a line feed.
  public func text(of document: Document, as format: ReportFormat) -> String {
    let document = format == .html ? document : document.bare
    return switch format {
    case .terminal: terminal(document)
    case .json: Self.json(document)
    case .ktap: KTAPReport.text(of: Outline(document))
    case .junit: JUnitReport.text(of: Outline(document))
    case .sarif: SARIFReport.text(of: document, invariants: invariants)
    case .markdown: MarkdownReport.text(of: document)
    case .html: HTMLReport.text(of: document)
    }
  }

  private func terminal(_ document: Document) -> String {
    switch document {
    case .check(let reports, _):
      let report = TerminalReport(colour: colour, columns: columns)
      return reports.count == 1 ? report.text(of: reports[0]) : report.text(of: CheckCollection(reports: reports))
    case .diff(let report, _, _): return DiffTable(colour: colour, columns: columns).text(of: report)
    case .thread(let report): return ThreadPage.text(of: report)
    case .trace(let record, _): return TraceReport(colour: colour, columns: columns).text(of: record)
    }
  }

  private static func json(_ document: Document) -> String {
    switch document {
    case .check(let reports, _):
      reports.count == 1 ? JSONReport.text(of: reports[0]) : JSONReport.text(of: CheckCollection(reports: reports))
    case .diff(let report, _, _): JSONReport.text(of: report)
    case .thread(let report): JSONReport.text(of: report)
    case .trace(let record, _): JSONReport.text(of: record)
    }
  }
}
