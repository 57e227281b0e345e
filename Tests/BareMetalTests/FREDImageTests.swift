import BareMetal
import Foundation
import Machine
import Testing

/// Goal: the image about FRED prints what the rules demand on a processor of either vendor's that has it. No emulator that can be had here has FRED
/// (Documentation/FRED.md): `Tests/Privileged/expected/fred.*.txt` was worked out from the rows of that page, one by one, and not from a run.
/// Without FRED the image says so, in Limen as in QEMU (`QEMUAgreesTests`).
@Suite(.serialized) struct FREDImageTests {
  @Test(arguments: ["wildcat-lake", "zen6"]) func printsWhatTheRulesDemand(part: String) throws {
    try #require(QEMUAgreesTests.buildFailure == nil, "\(QEMUAgreesTests.buildFailure ?? "")")
    let text = try String(contentsOfFile: "\(QEMUAgreesTests.scripts)/expected/fred.\(part).txt", encoding: .utf8)
    let expected = QEMUAgreesTests.lines(text).filter { !$0.hasPrefix("#") }
    let run = try QEMUAgreesTests.limen("fred", try #require(Profile.named(part)))
    #expect(QEMUAgreesTests.isWhole(run.end, "fred"), "Limen ended with \(run.end)")
    #expect(run.lines.count == expected.count && expected.count > 50)
    for (line, wanted) in zip(run.lines, expected) { #expect(line == wanted) }
  }
}
