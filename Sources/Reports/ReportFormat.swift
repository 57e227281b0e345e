import Findings

/// The formats a check can be printed in; one file each, all printing from the findings alone.
public enum ReportFormat: String, CaseIterable, Sendable {
  case terminal
  case json
  case ktap
  case junit
  case sarif
  case markdown
  case html

  /// The whole text, ending in a line feed. Colour concerns only the one meant for a terminal.
  ///
  /// - Parameters:
  ///   - invariants: what `sarif` calls rules.
  ///   - records: the runs that `html` shows.
  public func text(
    of report: CheckReport, invariants: [InvariantDescription], records: [SectionRecord] = [], colour: Bool = false
  ) -> String {
    switch self {
    case .terminal: TerminalReport(colour: colour).text(of: report)
    case .json: JSONReport.text(of: report)
    default: text(of: CheckCollection(reports: [report]), invariants: invariants, records: [records])
    }
  }

  /// The same for several kernels.
  public func text(
    of collection: CheckCollection, invariants: [InvariantDescription], records: [[SectionRecord]] = [],
    colour: Bool = false
  ) -> String {
    switch self {
    case .terminal: TerminalReport(colour: colour).text(of: collection)
    case .json: JSONReport.text(of: collection)
    case .ktap: KTAPReport.text(of: collection.reports)
    case .junit: JUnitReport.text(of: collection.reports)
    case .sarif: SARIFReport.text(of: collection.reports, invariants: invariants)
    case .markdown: MarkdownReport.text(of: collection.reports)
    case .html: HTMLReport.text(of: collection.reports, records: records)
    }
  }
}
