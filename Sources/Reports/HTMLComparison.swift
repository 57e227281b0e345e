/// A diff for a browser: for each crossing the table of `DiffTable`, and below it the sides' runs, one under the other on one scale, each to be
/// opened and stepped through as in the page of a check (`HTMLReport`).
import Findings

enum HTMLComparison {
  /// - Parameters:
  ///   - reports: of each kernel, in the order of the sides.
  ///   - records: the runs of each report's sections.
  static func text(of diff: DiffReport, reports: [CheckReport], records: [[SectionRecord]]) -> String {
    let sections = reports.flatMap { report in report.sections.map { (report.kernel, $0) } }
    /// The section's number over all reports.
    func number(_ section: CheckSection, of side: DiffSide) -> Int? {
      sections.firstIndex { kernel, other in
        kernel == side.kernel && other.platform == section.platform && other.profile == section.profile
          && other.crossing == section.crossing && other.posture == section.posture
      }
    }
    let beside = diff.crossings.map { crossing in
      zip(diff.sides, crossing.sides).map { number($1.section, of: $0) ?? -1 }
    }
    let names = DiffTable.names(diff.sides)
    let title = "\(diff.sides.count) machines side by side: \(diff.verdict.kind.rawValue)"
    let body =
      sides(diff.sides, names)
      + (diff.agreements.map(agreements) ?? "")
      + zip(diff.crossings, beside).map { table($0, names, numbers: $1) }.joined()
    return HTMLReport.page(
      title: title, limen: diff.limen, body: body,
      data: HTMLData.text(of: reports, records: records, beside: beside))
  }

  private static func sides(_ sides: [DiffSide], _ names: [String]) -> String {
    var lines = ["<div class=\"wide\"><table><tbody>"]
    for (name, side) in zip(names, sides) {
      let kernel = SymbolLine.title(of: side.kernel)
      let cells = [name, kernel, side.platform.rawValue, side.profile.rawValue, side.kernel.sha256]
      lines.append("<tr>" + cells.map { "<td>\(HTMLReport.escaped($0))</td>" }.joined() + "</tr>")
    }
    lines.append("</tbody></table></div>")
    lines.append("<p class=\"dim\">\(HTMLReport.escaped(DiffTable.legend.joined(separator: " ")))</p>")
    return lines.map { $0 + "\n" }.joined()
  }

  /// What the guest sees on a model of its hypervisor and on the hypervisor, as on a terminal.
  private static func agreements(_ agreements: [Agreement]) -> String {
    let lines = AgreementTable(style: TerminalStyle(colour: false)).lines(agreements)
    return "<h2>\(HTMLReport.escaped(lines[0]))</h2>\n<pre class=\"wide code\">"
      + lines.dropFirst().map { HTMLReport.escaped($0, limit: 4096) + "\n" }.joined() + "</pre>\n"
  }

  private static func table(_ crossing: DiffCrossing, _ names: [String], numbers: [Int]) -> String {
    let rows = DiffTable().rows(of: crossing, names)
    var lines = ["<h2>\(HTMLReport.escaped("\(crossing.crossing.rawValue) \(crossing.posture.rawValue)"))</h2>"]
    lines.append("<div class=\"wide\"><table class=\"diff\"><thead><tr><th></th><th></th>")
    for (name, number) in zip(names, numbers) {
      lines.append(
        "<th class=\"number\" data-section=\"\(number)\"><button type=\"button\" data-section=\"\(number)\">"
          + "\(name)</button></th>")
    }
    lines.append("</tr></thead><tbody>")
    for row in rows.dropFirst() {
      let isSame = Set(row.dropFirst(2)).count == 1
      let cells = row.enumerated().map { index, cell in
        let verdict = row[0] == "verdict" ? " " + cell : ""
        return "<td\(index > 1 ? " class=\"number\(verdict)\"" : "")>\(HTMLReport.escaped(cell))</td>"
      }
      lines.append("<tr\(isSame ? " class=\"dim\"" : "")>" + cells.joined() + "</tr>")
    }
    lines.append("</tbody></table></div>")
    return lines.map { $0 + "\n" }.joined()
  }
}
