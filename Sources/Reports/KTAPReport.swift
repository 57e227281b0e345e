import Findings

/// The report for whoever reads the kernel's own tests: KTAP version 1 (Documentation/dev-tools/ktap.rst in Linux). A test for each kernel,
/// below it one for each section, below that one for each invariant, or for what else was asked (`Outline`).
///
/// What does not apply is skipped and ok. What Limen could not answer is not ok, and its directive says why: SKIP for what is unsupported,
/// TIMEOUT for a bound, ERROR for an error of Limen's own. What is violated by findings that a baseline knows alone is ok, and expected (XFAIL).
enum KTAPReport {
  static func text(of outline: Outline) -> String {
    let tests = outline.subjects.enumerated().map { index, subject in
      let sections = subject.sections.enumerated().map { index, section in
        let tests = section.tests.enumerated().map { index, test in
          result(index, test.name, test.verdict, isKnown: test.isKnown, test.evidence.flatMap { $0 })
        }
        let name = section.place.joined(separator: " ")
        return subtest(name, tests) + result(index, name, section.verdict, isKnown: section.isKnown)
      }
      return subtest(subject.name, sections) + result(index, subject.name, subject.verdict, isKnown: subject.isKnown)
    }
    return (plan(tests) + tests.flatMap { $0 }).map { $0 + "\n" }.joined()
  }

  private static func plan(_ tests: [[String]]) -> [String] { ["KTAP version 1", "1..\(tests.count)"] }

  private static func subtest(_ name: String, _ tests: [[String]]) -> [String] {
    (["KTAP version 1", "# Subtest: \(description(name))", "1..\(tests.count)"] + tests.flatMap { $0 }).map {
      "  " + $0
    }
  }

  private static func result(
    _ index: Int, _ name: String, _ verdict: Verdict, isKnown: Bool, _ evidence: [String] = []
  ) -> [String] {
    let diagnostics = evidence.map { "# \(printable($0, limit: 4096))" }
    if verdict == .violated && isKnown { return diagnostics + ["ok \(index + 1) \(description(name)) # XFAIL known"] }
    let isOK = verdict.kind == .held || verdict.kind == .notApplicable
    let line = "\(isOK ? "ok" : "not ok") \(index + 1) \(description(name))"
    return diagnostics + [directive(verdict).map { "\(line) # \($0)" } ?? line]
  }

  private static func directive(_ verdict: Verdict) -> String? {
    switch verdict.kind {
    case .held, .violated: nil
    case .notApplicable, .unsupported: "SKIP \(printable(verdict.description))"
    case .inconclusive: "TIMEOUT \(printable(verdict.description))"
    case .internalError: "ERROR \(printable(verdict.description))"
    }
  }

  /// A description ends where a directive begins.
  private static func description(_ name: String) -> String { printable(name).replacing("#", with: "_") }
}
