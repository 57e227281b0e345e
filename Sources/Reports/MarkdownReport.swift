import Findings

/// The report for a pull request or an issue: a table of the sections, and below it each finding with its path and the command that
/// repeats it. CommonMark with the tables of GitHub Flavored Markdown.
///
/// A diff has a table for each crossing before its kernels' reports; a trace is the page for a terminal, in a block of code.
enum MarkdownReport {
  static func text(of document: Document) -> String {
    switch document {
    case .check(let reports, _): text(of: reports)
    case .diff(let report, let reports, _):
      lines(of: report).map { $0 + "\n" }.joined() + (reports.isEmpty ? "" : "\n" + text(of: reports))
    case .thread(let report): ThreadPage.text(of: report)
    case .trace(let record, _): text(of: record)
    }
  }

  private static func text(of reports: [CheckReport]) -> String {
    reports.map { lines(of: $0).map { $0 + "\n" }.joined() }.joined(separator: "\n")
  }

  // MARK: A diff

  private static func lines(of diff: DiffReport) -> [String] {
    let names = DiffTable.names(diff.sides)
    var lines = ["## \(diff.sides.count) machines side by side: \(diff.verdict.kind.rawValue)", ""]
    lines += ["Limen \(escaped(diff.limen)).", "", "| | kernel | platform | profile |", "|---|---|---|---|"]
    for (name, side) in zip(names, diff.sides) {
      lines.append(row([name, SymbolLine.title(of: side.kernel), side.platform.rawValue, side.profile.rawValue]))
    }
    for crossing in diff.crossings {
      let rows = DiffTable().rows(of: crossing, names)
      lines += ["", row(rows[0]), "|---|---|" + names.map { _ in "--:|" }.joined()]
      lines += rows.dropFirst().map(row)
    }
    if !diff.crossings.isEmpty { lines += ["", escaped(DiffTable.legend.joined(separator: " ")) + "."] }
    return lines + (diff.agreements ?? []).flatMap(self.lines)
  }

  private static func lines(of agreement: Agreement) -> [String] {
    let place = [agreement.profile.rawValue, agreement.crossing.rawValue, agreement.posture.rawValue]
    let title = "\(SymbolLine.title(of: agreement.kernel)) on xen-pv and on xen, \(place.joined(separator: ", "))"
    var lines = ["", "### \(escaped(title)): \(escaped(agreement.verdict.description))", ""]
    lines += ["| event | trials | entries | one-sided | parted |", "|---|--:|--:|--:|--:|"]
    lines.append(row(["none", "-", "\(agreement.entries)", "-", "-"]))
    for one in agreement.trials {
      lines.append(row([one.model.rawValue, "\(one.trials)", "\(one.entries)", "\(one.oneSided)", "\(one.parted)"]))
    }
    return lines + (agreement.differences.isEmpty ? [] : [""])
      + agreement.differences.map { "- \(escaped($0.sentence))" }
  }

  private static func row(_ cells: [String]) -> String { "| " + cells.map(escaped).joined(separator: " | ") + " |" }

  // MARK: A trace

  private static func text(of record: TraceRecord) -> String {
    let text = TraceReport().text(of: record)
    let fence = fence(around: text)
    let title = "\(SymbolLine.title(of: record.kernel)): \(record.place.joined(separator: " "))"
    return "## \(escaped(title)): \(record.end.kind.rawValue)\n\n\(fence)text\n\(text)\(fence)\n"
  }

  /// CommonMark, "Fenced code blocks": longer than any run of backticks inside.
  private static func fence(around text: String) -> String {
    let longest = text.split(omittingEmptySubsequences: true) { $0 != "`" }.map(\.count).max() ?? 0
    return String(repeating: "`", count: max(3, longest + 1))
  }

  // MARK: A check

  private static func lines(of report: CheckReport) -> [String] {
    var lines = ["## \(escaped(SymbolLine.title(of: report.kernel))): \(report.verdict.kind.rawValue)", ""]
    lines += ["Limen \(escaped(report.limen)), SHA-256 `\(printable(report.kernel.sha256))`.", ""]
    if !report.ablations.isEmpty {
      lines += ["Taken away: " + report.ablations.map { escaped($0.rawValue) }.joined(separator: ", ") + ".", ""]
    }
    lines += [
      "| platform | profile | crossing | posture | verdict | boundaries | trials |", "|---|---|---|---|---|--:|--:|",
    ]
    for section in report.sections {
      let trials = section.allTrials + (section.nested ?? []).reduce(0) { $0 &+ $1.trials }
      let cells = section.place + [section.verdict.description, String(section.boundaries), String(trials)]
      lines.append(row(cells))
    }
    for section in report.sections {
      for finding in section.findings { lines += self.lines(of: finding, in: section) }
    }
    return lines
  }

  private static func lines(of finding: Finding, in section: CheckSection) -> [String] {
    var lines = [
      "",
      "### \(escaped(finding.invariant.rawValue)): \(escaped(finding.location.functionForm))\(finding.known == true ? " (known)" : "")",
      "",
    ]
    let source = finding.location.source.map { "; at `\(printable($0.description).replacing("`", with: "'"))`" } ?? ""
    lines += ["\(escaped(finding.message)) (\(escaped(section.place.joined(separator: ", "))))\(source).", ""]
    if let origin = finding.origin {
      lines += ["From \(escaped(origin.location.sourcedDescription)): \(escaped(origin.explanation)).", ""]
    }
    if finding.path.steps.isEmpty { lines.append("1. no event: the crossing itself") }
    for (index, step) in finding.path.steps.enumerated() { lines.append("\(index + 1). \(escaped(step.description))") }
    return lines + ["", "```sh", printable(finding.replay), "```"]
  }

  /// CommonMark, "Backslash escapes"; a table's cells end at a bar.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in printable(text) {
      if "\\`*_{}[]<>#|~&".contains(character) { result.append("\\") }
      result.append(character)
    }
    return result
  }
}
