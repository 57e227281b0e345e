import Findings
import Foundation
import Reports
import Testing

/// Goal: a diff puts the same numbers of two machines into one row, says what is more than a number below the table, and its
/// document has exactly the fields that Documentation/Formats.md describes.
@Suite struct DiffReportTests {
  @Test func matchesTheGoldenText() throws {
    try Golden.check(DiffTable().text(of: Sample.diff), "diff.txt")
    try Golden.check(JSONReport.text(of: Sample.diff), "diff.json")
  }

  @Test func rowsHoldTheSidesNumbers() {
    let rows = DiffTable().text(of: Sample.diff).split(separator: "\n").map {
      $0.split(separator: " ").map(String.init)
    }
    #expect(rows.contains(["instructions", "in", "50", "30"]))
    #expect(rows.contains(["hypercalls", "in", "0", "0"]))
    #expect(rows.contains(["RSP", "window", "in", "5", "0"]))
    #expect(rows.contains(["B", "hypercalls", "out:", "iret", "2,", "multicall"]))
    // A crossing that did not run has no numbers, rather than zeros.
    #expect(rows.contains(["instructions", "in", "1", "-"]))
  }

  @Test func theVerdictIsOfAllSides() {
    #expect(Sample.diff.verdict == .violated)
    #expect(Sample.diff.exitStatus == .violation)
    #expect(DiffReport(sides: [], crossings: []).exitStatus == .nothingApplied)
  }

  @Test func crossingsComeInTheOrderOfTheirNames() {
    #expect(Sample.diff.crossings.map(\.crossing) == [.syscall64, .sysenter])
  }

  @Test func colourIsOnlyColour() {
    let coloured = DiffTable(colour: true).text(of: Sample.diff)
    #expect(coloured.contains("\u{1B}["))
    #expect(coloured.replacing(/\u{1B}\[[0-9;]*m/, with: "") == DiffTable().text(of: Sample.diff))
  }

  @Test func hostileNamesStayText() {
    let evil = "x\u{1B}]0;owned\u{7}\nB  fine"
    var cell = Sample.diff.crossings[0].sides[1]
    cell.parts?.work.hypercalls = [HypercallCount(evil, 1)]
    let first = Window(
      kind: .rsp, crossing: .syscall64, direction: .entry, start: 0,
      first: Location(address: 1, symbol: evil), last: Location(address: 2, symbol: evil), boundaries: 2)
    cell.section.windows = [first]
    cell.section.verdict = .inconclusive(bound: evil)
    cell.section.findings = [
      Finding(
        invariant: InvariantName(rawValue: evil), message: evil, location: Location(address: 1, symbol: evil),
        path: Path(), replay: evil)
    ]
    let side = DiffSide(kernel: KernelIdentity(name: evil, sha256: evil), platform: .xenPV, profile: .amd)
    let report = DiffReport(
      sides: [side, side],
      crossings: [DiffCrossing(crossing: .irq, posture: PostureName(rawValue: evil), sides: [cell, cell])])
    let text = DiffTable().text(of: report)
    #expect(!text.contains("\u{1B}") && !text.contains("\u{7}") && !text.contains("\nB  fine"))
  }

  /// The names in the first column of the section's tables are the names in a document, beside those of a report's section.
  @Test func theFieldsAreTheDocumentedOnes() throws {
    let page = try FormatsPageTests.page()
    #expect(page.contains("`limen-diff`, version \(DiffReport.currentVersion)"))
    let start = try #require(page.firstRange(of: "## Diff: `limen-diff`")).upperBound
    let end = page[start...].firstRange(of: "\n## ")?.lowerBound ?? page.endIndex
    var documented: Set<String> = []
    for line in page[start..<end].split(separator: "\n") where line.hasPrefix("| `") {
      let cells = line.split(separator: "|")
      for match in cells[0].matches(of: /`([A-Za-z0-9]+)`/) { documented.insert(String(match.1)) }
    }
    func names(_ value: some Encodable) throws -> Set<String> {
      FormatsPageTests.names(try JSONValue(reading: Array(documentText(value).utf8)))
    }
    let ofReports = try names(Sample.report)
    let found = try names(Sample.diffOnXen)
    #expect(found.subtracting(documented).subtracting(ofReports) == [])
    #expect(documented.subtracting(found) == [])
  }
}
