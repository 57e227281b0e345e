import Findings

/// The formats a check can be printed in; one file each, all printing from the findings alone.
public enum ReportFormat: String, CaseIterable, Sendable {
  case terminal
  case json

  /// The whole text, ending in a line feed. Colour concerns only formats meant for eyes.
  public func text(of report: CheckReport, colour: Bool = false) -> String {
    switch self {
    case .terminal: TerminalReport(colour: colour).text(of: report)
    case .json: JSONReport.text(of: report)
    }
  }

  /// The same for several kernels.
  public func text(of collection: CheckCollection, colour: Bool = false) -> String {
    switch self {
    case .terminal: TerminalReport(colour: colour).text(of: collection)
    case .json: JSONReport.text(of: collection)
    }
  }
}
