import Findings

/// The report for CI systems: the XML that JUnit's runner for Ant writes and that others have agreed on. A suite for each section, a case for each
/// invariant: a violation is a failure, what Limen could not answer an error, what does not apply is skipped.
///
/// Without times: a report says the same each time.
public enum JUnitReport {
  public static func text(of reports: [CheckReport]) -> String {
    let suites = reports.flatMap { report in report.sections.map { Suite(report, $0) } }
    var lines = [#"<?xml version="1.0" encoding="UTF-8"?>"#]
    lines.append(open("testsuites", [("name", "limen")] + Counts(suites.flatMap(\.answers)).attributes))
    for suite in suites { lines += suite.lines.map { "  " + $0 } }
    lines.append("</testsuites>")
    return lines.map { $0 + "\n" }.joined()
  }

  private struct Suite {
    let name: String
    let answers: [Answer]
    private let className: String

    init(_ report: CheckReport, _ section: CheckSection) {
      name = ([report.kernel.name] + section.place).joined(separator: " ")
      className = ([report.kernel.name.replacing(".", with: "_")] + section.place).joined(separator: ".")
      answers = section.answers
    }

    var lines: [String] {
      var lines = [open("testsuite", [("name", name)] + Counts(answers).attributes)]
      for answer in answers {
        let attributes = [("classname", className), ("name", answer.name)]
        guard let inner = inner(answer) else {
          lines.append("  " + open("testcase", attributes, isEmpty: true))
          continue
        }
        lines += ["  " + open("testcase", attributes), "    " + inner, "  </testcase>"]
      }
      return lines + ["</testsuite>"]
    }

    private func inner(_ answer: Answer) -> String? {
      let text = answer.verdict.description
      let kind = answer.verdict.kind.rawValue
      switch answer.verdict.kind {
      case .held: return nil
      case .violated where answer.isKnown:
        let known = answer.findings.map { "\($0.location.functionForm): \($0.message)" }.joined(separator: "; ")
        return open("skipped", [("message", "known: \(known)")], isEmpty: true)
      case .violated:
        let first = answer.findings.first.map { "\($0.location.functionForm): \($0.message)" } ?? text
        let body = answer.findings.flatMap { finding in
          ["\(finding.location.functionForm): \(finding.message)"] + finding.path.steps.map { "path: \($0)" }
            + ["replay: \(finding.replay)"]
        }
        return open("failure", [("message", first), ("type", kind)])
          + body.map(escaped).joined(separator: "\n") + "</failure>"
      case .notApplicable: return open("skipped", [("message", text)], isEmpty: true)
      case .unsupported, .inconclusive, .internalError:
        return open("error", [("message", text), ("type", kind)], isEmpty: true)
      }
    }
  }

  private struct Counts {
    var attributes: [(String, String)]

    init(_ answers: [Answer]) {
      func number(_ kinds: Verdict.Kind...) -> Int {
        answers.count { kinds.contains($0.verdict.kind) && !$0.isKnown }
      }
      let known = answers.count(where: \.isKnown)
      attributes = [
        ("tests", "\(answers.count)"), ("failures", "\(number(.violated))"),
        ("errors", "\(number(.unsupported, .inconclusive, .internalError))"),
        ("skipped", "\(number(.notApplicable) + known)"),
      ]
    }
  }

  private static func open(_ name: String, _ attributes: [(String, String)], isEmpty: Bool = false) -> String {
    let list = attributes.map { #" \#($0)="\#(escaped($1))""# }.joined()
    return "<\(name)\(list)\(isEmpty ? "/>" : ">")"
  }

  /// XML 1.0, section 2.4; of the characters that may not stand in a document none is left by `printable`.
  private static func escaped(_ text: String) -> String {
    printable(text).replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}
