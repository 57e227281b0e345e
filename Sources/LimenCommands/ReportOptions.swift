import ArgumentParser
import Findings
import Foundation
import Reports

extension ReportFormat: ExpressibleByArgument {}
extension DocumentFormat: ExpressibleByArgument {}

struct ColourOptions: ParsableArguments {
  enum Colour: String, CaseIterable, ExpressibleByArgument {
    case auto, always, never
  }

  @Option(help: "Colour in the terminal report; 'auto' means on a terminal and without NO_COLOR.")
  var color: Colour = .auto

  /// https://no-color.org: a NO_COLOR that is set and not empty asks for none; an explicit option outweighs it.
  var wanted: Bool {
    switch color {
    case .always: return true
    case .never: return false
    case .auto:
      let environment = ProcessInfo.processInfo.environment
      return StandardOutput.isTerminal && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }
  }
}

/// How a verb prints what is no check.
struct DocumentOptions: ParsableArguments {
  @Option(help: "The report's format.")
  var format: DocumentFormat = .terminal

  @OptionGroup var colour: ColourOptions
}

/// Where a verb writes its report besides.
struct ReportFiles: ParsableArguments {
  @Option(
    name: .customLong("report"),
    help: ArgumentHelp(
      "Write the report to a file as well, in a format of its own: sarif=limen.sarif. May be repeated.",
      valueName: "format=file"), completion: .file())
  var files: [ReportFile] = []

  mutating func validate() throws {
    let paths = files.map { Files.wholePath($0.path) }
    if let twice = paths.indices.first(where: { paths[..<$0].contains(paths[$0]) }) {
      throw ValidationError("--report names \(files[twice].path) twice")
    }
  }

  /// Says, before a long job, that a report will not be written.
  func requireRoom() throws(CommandFailure) { for file in files { try file.requireRoom() } }

  func write(_ document: Document) throws(CommandFailure) {
    let reporter = Reporter(invariants: Catalogue.invariants())
    for file in files { try Files.write(reporter.text(of: document, as: file.format), to: file.path) }
  }
}

/// How a verb prints its report, and where it writes it besides.
struct ReportOutput: ParsableArguments {
  @Option(help: "The report's format.")
  var format: ReportFormat = .terminal

  @OptionGroup var colour: ColourOptions

  @OptionGroup var files: ReportFiles

  /// Some of the reports show runs, which are made for them.
  var showsRuns: Bool { format == .html || files.files.contains { $0.format == .html } }

  func print(_ document: Document) throws(CommandFailure) {
    let columns = StandardOutput.isTerminal ? TerminalWidth.output : nil
    let reporter = Reporter(invariants: Catalogue.invariants(), colour: colour.wanted, columns: columns)
    try StandardOutput.write(reporter.text(of: document, as: format))
  }
}

/// The same of a verb that judges for long.
struct ReportOptions: ParsableArguments {
  @OptionGroup var output: ReportOutput

  @Flag(
    name: [.short, .long],
    help: "Print no report and no progress, only what is wrong. The exit status and the files of --report say the rest."
  )
  var quiet = false

  /// What is printed as it comes, where that is wanted.
  var stream: TerminalReport? {
    output.format == .terminal && !quiet
      ? TerminalReport(
        colour: output.colour.wanted, columns: StandardOutput.isTerminal ? TerminalWidth.output : nil) : nil
  }

  var files: ReportFiles { output.files }

  /// What is left to print of several kernels, whose reports for eyes are printed already.
  func printCollection(_ reports: [CheckReport], _ records: [[SectionRecord]]) throws(CommandFailure) {
    if let stream { return try StandardOutput.write(stream.summary(of: CheckCollection(reports: reports))) }
    try print(reports, records)
  }

  /// Some of the reports show runs, which are made for them.
  var showsRuns: Bool { quiet ? files.files.contains { $0.format == .html } : output.showsRuns }

  func print(_ reports: [CheckReport], _ records: [[SectionRecord]]) throws(CommandFailure) {
    if !quiet { try output.print(.check(reports, records: records)) }
  }
}

/// `FORMAT=FILE`.
struct ReportFile: ExpressibleByArgument {
  let format: ReportFormat
  let path: String

  init?(argument: String) {
    guard let equals = argument.firstIndex(of: "="), let format = ReportFormat(rawValue: String(argument[..<equals]))
    else { return nil }
    path = String(argument[argument.index(after: equals)...])
    guard !path.isEmpty else { return nil }
    self.format = format
  }

  static var allValueStrings: [String] { ReportFormat.allCases.map { "\($0.rawValue)=FILE" } }

  func requireRoom() throws(CommandFailure) {
    let folder = path.lastIndex(of: "/").map { path[..<$0] } ?? "."
    if let reason = Files.obstacle(toWritingInto: folder.isEmpty ? "/" : String(folder)) {
      throw CommandFailure(.badInput, path, reason)
    }
  }
}
