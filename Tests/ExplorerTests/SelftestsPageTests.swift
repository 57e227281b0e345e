import Foundation
import Testing

/// Goal: the table of `Documentation/Selftests.md` is the list that the tests run, neither more nor less, and gives a
/// reason for every program of it.
@Suite struct SelftestsPageTests {
  /// The cells of each row of the page's tables that begins with a program's name.
  private func rows() throws -> [[String]] {
    let page = Probe.root.appendingPathComponent("Documentation/Selftests.md")
    return try String(contentsOf: page, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("| ") }.map {
      line in
      line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }
  }

  @Test func theTableIsTheList() throws {
    let results = try rows().filter { $0.count == 7 && $0[0] != "program" }
    let expected = try SelftestExpectation.all()
    #expect(
      results.map { Array($0[0...2]) }
        == expected.map { [$0.program, "\($0.status["intel"]!)", "\($0.status["amd"]!)"] })
    #expect(Set(expected.map(\.program)).count == expected.count)
    // What Limen gives is what real processors give, or is not known yet.
    for row in results {
      #expect([row[1], "-"].contains(row[5]) && [row[2], "-"].contains(row[6]), "\(row[0])")
    }
  }

  @Test func everyProgramHasItsReason() throws {
    let reasons = try rows().filter { $0.count == 2 }.flatMap { $0[0].split(separator: ",").map(String.init) }
      .map { $0.trimmingCharacters(in: .whitespaces) }
    for expectation in try SelftestExpectation.all() {
      #expect(reasons.contains(String(expectation.program.dropLast(3))), "\(expectation.program)")
    }
  }
}
