/// The report for a browser: one file that asks for no other. The verdicts stand in it as a table; what else there is to see, the runs boundary by
/// boundary, is drawn by the script from the numbers behind it (`HTMLData`).
///
/// HTML Living Standard, "The script element", "Restrictions for contents of script elements": no `<` of a name reaches the page.
import Findings

enum HTMLReport {
  static func text(of document: Document) -> String {
    switch document {
    case .check(let reports, let records): text(of: reports, records: records)
    case .diff(let report, let reports, let records):
      HTMLComparison.text(of: report, reports: reports, records: records)
    case .thread(let report): HTMLThread.text(of: report)
    case .trace(let record, _): text(of: record)
    }
  }

  /// A run that is no section's.
  private static func text(of record: TraceRecord) -> String {
    let kernel = SymbolLine.title(of: record.kernel)
    let title = "\(kernel), \(record.place.joined(separator: " ")): \(record.end.kind.rawValue)"
    var body = ["<p class=\"dim code\">sha256 \(escaped(record.kernel.sha256))</p>"]
    if let symbols = SymbolLine.text(of: record.kernel) { body.append("<p class=\"dim\">\(escaped(symbols))</p>") }
    if let removed = record.ablations {
      body.append("<p>taken away: \(escaped(removed.map(\.rawValue).joined(separator: ", ")))</p>")
    }
    return page(
      title: title, limen: record.limen, body: body.map { $0 + "\n" }.joined(), data: HTMLData.text(of: record))
  }

  /// - Parameter records: for each report those of its sections; none where no runs are to be shown.
  private static func text(of reports: [CheckReport], records: [[SectionRecord]]) -> String {
    let verdict = Verdict.combining(reports.map(\.verdict)).kind.rawValue
    let names = reports.map { SymbolLine.title(of: $0.kernel) }
    let title = "\(names.count == 1 ? names[0] : "\(names.count) kernels"): \(verdict)"
    var first = 0
    let tables = reports.map { report -> String in
      defer { first += report.sections.count }
      return table(report, firstSection: first)
    }
    return page(
      title: title, limen: reports.first?.limen, body: tables.joined(),
      data: HTMLData.text(of: reports, records: records))
  }

  /// The whole file.
  ///
  /// - Parameters:
  ///   - body: what can be read without a script.
  ///   - data: what the script draws from.
  static func page(title: String, limen: String?, body: String, data: String) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
    <title>\(escaped(title))</title>
    <style>
    \(page(PackageResources.page_css))</style>
    </head>
    <body>
    <header>
    <h1>\(escaped(title))</h1>
    </header>
    <main>
    \(body)\(page(PackageResources.body_html))</main>
    <footer>Limen \(escaped(limen ?? LimenVersion.current)). Keys: <kbd>j</kbd> <kbd>k</kbd> or arrows step, <kbd>e</kbd> next
    event, <kbd>c</kbd> next change of owner, <kbd>f</kbd> next finding, <kbd>s</kbd> next section (with Shift: the one before), <kbd>o</kbd>
    the other side of a diff at the same place, <kbd>+</kbd> <kbd>&minus;</kbd> scale, space plays, <kbd>t</kbd> light or dark.</footer>
    <script type="application/json" id="data">\(data)</script>
    <script>
    \(page(PackageResources.page_js))</script>
    </body>
    </html>

    """
  }

  private static func page(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  /// What can be read without a script.
  private static func table(_ report: CheckReport, firstSection: Int) -> String {
    let kernel = report.kernel
    var lines = ["<h2>\(escaped(SymbolLine.title(of: kernel)))</h2>"]
    lines.append("<p class=\"dim code\">sha256 \(escaped(kernel.sha256))</p>")
    if let symbols = SymbolLine.text(of: kernel) { lines.append("<p class=\"dim\">\(escaped(symbols))</p>") }
    if !report.ablations.isEmpty {
      lines.append("<p>taken away: \(escaped(report.ablations.map(\.rawValue).joined(separator: ", ")))</p>")
    }
    lines.append("<div class=\"wide\"><table>")
    let heads = ["platform", "profile", "crossing", "posture", "verdict", "boundaries", "trials", "findings"]
    lines.append(
      "<thead><tr>" + heads.enumerated().map { "<th\($0 > 4 ? " class=\"number\"" : "")>\($1)</th>" }.joined()
        + "</tr></thead><tbody>")
    for (index, section) in report.sections.enumerated() {
      let number = firstSection + index
      let trials = section.allTrials + (section.nested ?? []).reduce(0) { $0 &+ $1.trials }
      lines.append(
        "<tr data-section=\"\(number)\"><td>\(section.platform.rawValue)</td><td>\(section.profile.rawValue)</td><td>"
          + "<button type=\"button\" data-section=\"\(number)\">\(section.crossing.rawValue)</button></td><td>"
          + "\(escaped(section.posture.rawValue))</td><td class=\"\(section.verdict.kind.rawValue)\">"
          + "\(escaped(section.verdict.description))</td><td class=\"number\">\(section.boundaries)</td>"
          + "<td class=\"number\">\(trials)</td><td class=\"number\">\(section.findings.count)</td></tr>")
    }
    lines.append("</tbody></table></div>")
    return lines.map { $0 + "\n" }.joined()
  }

  /// HTML Living Standard, "Escaping a string", in text and in attribute values.
  static func escaped(_ text: String, limit: Int = 512) -> String {
    printable(text, limit: limit).replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(
      ">", with: "&gt;"
    )
    .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
  }
}
