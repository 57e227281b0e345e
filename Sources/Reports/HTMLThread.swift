/// The thread's answers for a browser: what there is to read, without a run to play.
import Findings

enum HTMLThread {
  static func text(of report: ThreadReport) -> String {
    let answers = report.answers.enumerated().map { section($0 + 1, $1) }.joined()
    let below = report.hypervisor.map {
      "<p>Through the bytes of \(escaped($0)) itself, with each kernel as its domain 0.</p>\n"
    }
    let body =
      (below ?? "") + (report.answers.isEmpty ? "" : summary(report.answers)) + answers + "<h2>What each costs</h2>\n"
      + "<p>\(escaped(report.costs.caption))</p>\n" + table(report.costs)
    return HTMLReport.page(
      title: report.answers.isEmpty ? "What each costs" : "The thread, answered", limen: report.limen, body: body,
      data: HTMLData.text(of: [], records: []))
  }

  private static func summary(_ answers: [ThreadAnswer]) -> String {
    let rows = answers.enumerated().map { index, answer in
      "<tr><td class=\"number\">\(index + 1)</td><td><a href=\"#answer-\(index + 1)\">\(escaped(answer.title))</a></td>"
        + "<td>\(answer.outcome.rawValue)</td></tr>\n"
    }
    return
      "<div class=\"wide\"><table><thead><tr><th></th><th>question or claim</th><th>answer</th></tr></thead><tbody>\n"
      + rows.joined() + "</tbody></table></div>\n"
  }

  private static func section(_ number: Int, _ answer: ThreadAnswer) -> String {
    var lines = ["<h2 id=\"answer-\(number)\">\(number). \(escaped(answer.title))</h2>"]
    if !answer.words.isEmpty {
      lines.append("<blockquote>\(escaped(answer.words)) (\(escaped(answer.author)))</blockquote>")
    }
    if !answer.commands.isEmpty {
      lines.append("<pre class=\"code\">" + answer.commands.map { escaped($0) }.joined(separator: "\n") + "</pre>")
    }
    lines.append("<p><strong>\(ThreadPage.word(answer.outcome))</strong> \(escaped(answer.answer))</p>")
    for evidence in answer.evidence {
      lines += ["<p class=\"dim\">\(escaped(evidence.caption)):</p>", table(evidence)]
    }
    return lines.map { $0 + "\n" }.joined()
  }

  private static func table(_ table: ThreadTable) -> String {
    func row(_ cells: [String], _ name: String) -> String {
      "<tr>" + cells.map { "<\(name)>\(escaped($0))</\(name)>" }.joined() + "</tr>"
    }
    return "<div class=\"wide\"><table><thead>\(row(table.header, "th"))</thead><tbody>\n"
      + table.rows.map { row($0, "td") + "\n" }.joined() + "</tbody></table></div>\n"
  }

  private static func escaped(_ text: String) -> String { HTMLReport.escaped(text, limit: 2048) }
}
