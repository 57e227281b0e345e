import Findings

/// For eyes: what two reports say differently, section by section.
public struct ChangesReport {
  let style: TerminalStyle

  public init(colour: Bool = false) { style = TerminalStyle(colour: colour) }

  public func text(of changes: ReportChanges) -> String {
    var lines = changes.old.map { "old  \(line($0))" } + changes.new.map { "new  \(line($0))" }
    for section in changes.sections { lines += [""] + self.lines(section) }
    lines.append("")
    let counts = ReportChanges.Change.allCases.map { "\(changes.count($0)) \($0.rawValue)" }.joined(separator: ", ")
    lines.append("findings: \(counts)")
    lines.append("sections: \(changes.sections.count) differ, \(changes.alike) alike")
    return lines.map { $0 + "\n" }.joined()
  }

  private func line(_ kernel: KernelIdentity) -> String {
    "\(SymbolLine.title(of: kernel)): sha256 \(printable(kernel.sha256))"
  }

  private func lines(_ section: ReportChanges.Section) -> [String] {
    let place = [
      printable(section.kernel), section.platform.rawValue, section.profile.rawValue, section.crossing.rawValue,
      printable(section.posture.rawValue),
    ].joined(separator: " ")
    let (old, new) = (verdict(section.oldVerdict), verdict(section.newVerdict))
    var lines = [style(.bold, place) + ": " + (old == new ? new : "\(old) -> \(new)")]
    for finding in section.findings {
      let title = style(finding.change == .new ? .bad : .quiet, finding.change.rawValue)
      lines.append(
        "  \(title): \(printable(finding.location.functionForm)): \(printable(finding.message)) "
          + "[\(printable(finding.invariant.rawValue))]")
      if let before = finding.oldLocation, before.description != finding.location.description {
        lines.append("    was at \(printable(before.functionForm))")
      }
      if let before = finding.oldPath, before != finding.path {
        lines.append("    path   \(printable(finding.path.description, limit: 4096))")
        lines.append("    was    \(printable(before.description, limit: 4096))")
      }
    }
    for count in section.counts { lines.append("  \(count.name): \(count.old) -> \(count.new)") }
    return lines
  }

  private func verdict(_ verdict: Verdict?) -> String {
    guard let verdict else { return "not asked" }
    return printable(verdict.description)
  }
}
