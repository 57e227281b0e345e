import Findings

/// The answers as a page of Markdown, which is also how they are read on a terminal.
public enum ThreadPage {
  public static func text(of report: ThreadReport) -> String {
    if report.answers.isEmpty { return costs(of: report) }
    var lines = ["# The thread, answered", ""]
    if let hypervisor = report.hypervisor {
      lines += [
        "\"Re: Getting rid of invalid SYSCALL RSP under Xen?\", July 2015: what the bytes of a hypervisor itself answer, \(printable(hypervisor)),",
        "with each kernel as its domain 0. `limen thread --platform xen` makes this page; each answer is chosen by what its runs showed.",
        "",
      ]
    } else {
      lines += [
        "\"Re: Getting rid of invalid SYSCALL RSP under Xen?\", July 2015: every question and claim of the mail, put to kernels that",
        "run. `limen thread` makes this page; each answer is chosen by what its runs showed. `Designs.md` says what the designs are.",
        "",
      ]
    }
    lines += summary(report.answers)
    for (index, answer) in report.answers.enumerated() { lines += section(index + 1, answer) }
    lines += ["", "## What each costs", "", cell(report.costs.caption), ""] + table(report.costs)
    return lines.joined(separator: "\n") + "\n"
  }

  /// The table of costs alone, where no question was asked.
  private static func costs(of report: ThreadReport) -> String {
    (["# What each costs", "", cell(report.costs.caption), ""] + table(report.costs)).joined(separator: "\n") + "\n"
  }

  private static func summary(_ answers: [ThreadAnswer]) -> [String] {
    table(
      ThreadTable(
        "", header: ["", "question or claim", "answer"],
        rows: answers.enumerated().map { ["\($0 + 1)", $1.title, $1.outcome.rawValue] }))
  }

  private static func section(_ number: Int, _ answer: ThreadAnswer) -> [String] {
    var lines = ["", "## \(number). \(cell(answer.title))", ""]
    if !answer.words.isEmpty { lines += ["> \(cell(answer.words)) (\(cell(answer.author)))", ""] }
    lines += answer.commands.map { "    \(printable($0))" } + [""]
    lines.append("**\(word(answer.outcome))** \(cell(answer.answer))")
    for evidence in answer.evidence {
      lines += ["", "\(cell(evidence.caption)):", ""] + table(evidence)
    }
    return lines
  }

  static func word(_ outcome: ThreadOutcome) -> String {
    switch outcome {
    case .yes: "Yes."
    case .no: "No."
    case .partly: "In part."
    case .open: "Open."
    }
  }

  private static func table(_ table: ThreadTable) -> [String] {
    let rows = ([table.header] + table.rows).map { $0.map { cell($0) } }
    let widths = table.header.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var lines = rows.map { row in
      "| " + row.enumerated().map { $1.padding(to: widths[$0]) }.joined(separator: " | ") + " |"
    }
    lines.insert("|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|", at: 1)
    return lines
  }

  private static func cell(_ text: String) -> String { printable(text, limit: 2048).replacing("|", with: "\\|") }
}

extension String {
  fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
