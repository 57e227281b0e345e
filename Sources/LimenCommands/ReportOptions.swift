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

  func print(_ collection: CheckCollection) throws(CommandFailure) {
    try StandardOutput.write(format.text(of: collection, colour: colour))
  }

  func print(_ report: CheckReport) throws(CommandFailure) {
    try StandardOutput.write(format.text(of: report, colour: colour))
  }
}
