import Findings

/// The report for CI systems: the XML that JUnit's runner for Ant writes and that others have agreed on. A suite for each section, a case for each
/// invariant or whatever else was asked (`Outline`): a violation is a failure, what Limen could not answer an error, what does not apply is skipped.
///
/// Without times: a report says the same each time.
enum JUnitReport {
  static func text(of outline: Outline) -> String {
    let suites = outline.subjects.flatMap { subject in subject.sections.map { Suite(subject, $0) } }
    var lines = [#"<?xml version="1.0" encoding="UTF-8"?>"#]
    lines.append(open("testsuites", [("name", "limen")] + Counts(suites.flatMap(\.tests)).attributes))
    for suite in suites { lines += suite.lines.map { "  " + $0 } }
    lines.append("</testsuites>")
    return lines.map { $0 + "\n" }.joined()
  }

  private struct Suite {
    let name: String
    let tests: [Outline.Test]
    private let className: String

    init(_ subject: Outline.Subject, _ section: Outline.Section) {
      name = ([subject.name] + section.place).joined(separator: " ")
      className = ([subject.name.replacing(".", with: "_")] + section.place).joined(separator: ".")
      tests = section.tests
    }

    var lines: [String] {
      var lines = [open("testsuite", [("name", name)] + Counts(tests).attributes)]
      for test in tests {
        let attributes = [("classname", className), ("name", test.name)]
        guard let inner = inner(test) else {
          lines.append("  " + open("testcase", attributes, isEmpty: true))
          continue
        }
        lines += ["  " + open("testcase", attributes), "    " + inner, "  </testcase>"]
      }
      return lines + ["</testsuite>"]
    }

    private func inner(_ test: Outline.Test) -> String? {
      let text = test.verdict.description
      let kind = test.verdict.kind.rawValue
      let body = test.evidence.flatMap { $0 }.map { escaped($0, limit: 4096) }.joined(separator: "\n")
      switch test.verdict.kind {
      case .held: return body.isEmpty ? nil : "<system-out>\(body)</system-out>"
      case .violated where test.isKnown:
        let known = test.evidence.compactMap(\.first).joined(separator: "; ")
        return open("skipped", [("message", "known: \(known)")], isEmpty: true)
      case .violated:
        return open("failure", [("message", test.evidence.first?.first ?? text), ("type", kind)]) + body + "</failure>"
      case .notApplicable: return open("skipped", [("message", text)], isEmpty: true)
      case .unsupported, .inconclusive, .internalError:
        return open("error", [("message", text), ("type", kind)], isEmpty: true)
      }
    }
  }

  private struct Counts {
    var attributes: [(String, String)]

    init(_ tests: [Outline.Test]) {
      func number(_ kinds: Verdict.Kind...) -> Int {
        tests.count { kinds.contains($0.verdict.kind) && !$0.isKnown }
      }
      let known = tests.count(where: \.isKnown)
      attributes = [
        ("tests", "\(tests.count)"), ("failures", "\(number(.violated))"),
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
  private static func escaped(_ text: String, limit: Int = 512) -> String {
    printable(text, limit: limit).replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(
      ">", with: "&gt;"
    )
    .replacing("\"", with: "&quot;")
  }
}
