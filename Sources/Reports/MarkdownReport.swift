import Findings

/// The report for a pull request or an issue: a table of the sections, and below it each finding with its path and the command that
/// repeats it. CommonMark with the tables of GitHub Flavored Markdown.
public enum MarkdownReport {
  public static func text(of reports: [CheckReport]) -> String {
    reports.map { lines(of: $0).map { $0 + "\n" }.joined() }.joined(separator: "\n")
  }

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
      lines.append("| " + cells.map(escaped).joined(separator: " | ") + " |")
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
    lines += ["\(escaped(finding.message)) (\(escaped(section.place.joined(separator: ", ")))).", ""]
    if let origin = finding.origin {
      lines += ["From \(escaped(origin.location.description)): \(escaped(origin.explanation)).", ""]
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
