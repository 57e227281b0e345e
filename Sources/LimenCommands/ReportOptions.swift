import ArgumentParser
import Findings
import Foundation
import Reports

extension ReportFormat: ExpressibleByArgument {}

/// How a verb that judges prints its report.
struct ReportOptions: ParsableArguments {
  enum Colour: String, CaseIterable, ExpressibleByArgument {
    case auto, always, never
  }

  @Option(help: "The report's format.")
  var format: ReportFormat = .terminal

  @Option(help: "Colour in the terminal report; 'auto' means on a terminal and without NO_COLOR.")
  var color: Colour = .auto

  /// https://no-color.org: a NO_COLOR that is set and not empty asks for none; an explicit option outweighs it.
  var colour: Bool {
    switch color {
    case .always: return true
    case .never: return false
    case .auto:
      let environment = ProcessInfo.processInfo.environment
      return StandardOutput.isTerminal && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }
  }

  /// What is left to print of several kernels, whose reports for eyes are printed already.
  func printCollection(_ collection: CheckCollection) throws(CommandFailure) {
    switch format {
    case .terminal: try StandardOutput.write(TerminalReport(colour: colour).summary(of: collection))
    case .json: try StandardOutput.write(JSONReport.text(of: collection))
    }
  }

  func print(_ report: CheckReport) throws(CommandFailure) {
    try StandardOutput.write(format.text(of: report, colour: colour))
  }
}
