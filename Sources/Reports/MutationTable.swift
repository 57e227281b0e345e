/// What `limen mutate` prints for eyes: the shares, by operator and invariant, and the survivors as diffs.
import Findings

public struct MutationTable {
  private let style: TerminalStyle

  public init(colour: Bool) { style = TerminalStyle(colour: colour) }

  public func text(of report: MutationReport) -> String {
    var lines = ["\(report.kernel.name): sha256 \(report.kernel.sha256), limen \(report.limen)"]
    for section in report.sections {
      lines.append(
        "  \(section.title): \(section.verdict)"
          + (section.verdict == .held ? ", \(section.instructions) instructions of entry code" : ", judges no mutant"))
    }
    lines.append("  entry code: \(report.entryCode)")
    lines.append(
      "  \(report.possible) mutants of \(report.instructions) instructions"
        + (report.wanted < report.possible ? ", of which \(report.wanted) were chosen" : ""))
    if let reason = report.interruption {
      lines.append("  \(report.mutants.count) of \(report.wanted) were judged: \(reason)")
    }
    if !report.mutants.isEmpty {
      lines += [""] + operators(report) + [""] + invariants(report)
      lines += list(report, .survived, "survived: a check holds, though some path ends otherwise than the kernel's")
      lines += list(report, .undecided, "undecided: a check comes to no verdict")
      lines += list(report, .anotherWay, "another way: every path ends as the kernel's, and some lead elsewhere")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func row(_ name: String, _ counts: MutantCounts) -> [String] {
    [
      name, "\(counts.all)", "\(counts.sameEffect)", "\(counts.equivalent)", "\(counts.anotherWay)",
      "\(counts.undecided)", "\(counts.survived)", "\(counts.caught)", counts.shareText, counts.strictShareText,
    ]
  }

  private func operators(_ report: MutationReport) -> [String] {
    var table = TextTable(alignments: [.left] + Array(repeating: .right, count: 9))
    table.rows.append(
      [
        "operator", "mutants", "same effect", "equivalent", "another way", "undecided", "survived", "caught", "share",
        "strict",
      ])
    for one in report.operators { table.rows.append(row(one.mutation.rawValue, one.counts)) }
    table.rows.append(row("all", report.totals))
    return table.lines(indent: "  ")
  }

  private func invariants(_ report: MutationReport) -> [String] {
    var table = TextTable(alignments: [.left, .right])
    table.rows.append(["caught by", "mutants"])
    for one in report.invariants { table.rows.append([one.invariant.rawValue, "\(one.caught)"]) }
    return table.lines(indent: "  ")
  }

  private func list(_ report: MutationReport, _ fate: MutantFate, _ title: String) -> [String] {
    let own = report.mutants.filter { $0.fate == fate }
    if own.isEmpty { return [] }
    var lines = ["", "  " + style(.bold, title)]
    for result in own {
      let mutant = result.mutant
      let reasons = [result.reason, result.seenFrom.map { "\($0) would catch it" }].compactMap { $0 }
      lines.append(
        "  \(mutant.number) \(mutant.mutation.rawValue) at \(mutant.location): \(reasons.joined(separator: "; "))")
      lines += mutant.before.map { "    - \($0.location)  \($0.instruction)" }
      lines += mutant.after.map { "    + \($0.location)  \($0.instruction)" }
    }
    return lines
  }
}
