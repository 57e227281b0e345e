import Findings
import Testing

/// Goal: the exit status tells a script the truth. The expected numbers are the table in the README; the precedence is
/// the one `Verdict.combining` promises.
@Suite struct VerdictTests {
  static let all: [(Verdict, Int32)] = [
    (.held, 0), (.violated, 1), (.unsupported(what: "x", where: "y"), 3), (.notApplicable(reason: "r"), 4),
    (.inconclusive(bound: "b"), 5), (.internalError(message: "m"), 70),
  ]

  @Test(arguments: all)
  func eachVerdictHasItsStatus(verdict: Verdict, status: Int32) {
    #expect(ExitStatus(verdict).rawValue == status)
    #expect(ExitStatus([verdict]).rawValue == status)
    #expect(ExitStatus([verdict, verdict]).rawValue == status)
  }

  @Test func nothingIsNeverSuccess() {
    #expect(ExitStatus([Verdict]()).rawValue == 4)
    #expect(CheckReport(kernel: Sample.kernel, sections: []).exitStatus.rawValue == 4)
  }

  @Test func onlyAllHeldOrNotApplicableIsZero() {
    // Every pair, both ways round: the more important of the two decides.
    let importance: [Int32] = [70, 1, 3, 5, 0, 4]
    for (a, statusA) in Self.all {
      for (b, statusB) in Self.all {
        let expected = importance.first { $0 == statusA || $0 == statusB }
        #expect(ExitStatus([a, b]).rawValue == expected)
      }
    }
  }

  @Test func theFirstOfAKindSpeaks() {
    let verdicts: [Verdict] = [.held, .inconclusive(bound: "first"), .inconclusive(bound: "second")]
    #expect(Verdict.combining(verdicts) == .inconclusive(bound: "first"))
  }

  @Test func wrongUsageIsTwo() {
    #expect(ExitStatus.badInput.rawValue == 2)
  }
}
