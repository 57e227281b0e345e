/// Goal: Documentation/Specimens.md is what the suite found of the specimens; `./dev bless` rewrites it. No invariant is without somebody
/// who breaks it, and no specimen without an invariant.
import Findings
import Foundation
import Invariants
import Testing

@Suite struct SpecimenPageTests {
  private static let file = Probe.root.appendingPathComponent("Documentation/Specimens.md")

  @Test func everyInvariantIsBrokenByASpecimen() throws {
    let known = try Specimens.byInvariant()
    for invariant in Monitors.descriptions {
      #expect(known[invariant.identifier]?.isEmpty == false, "nothing breaks \(invariant.identifier)")
    }
  }

  /// `limen explain` lists them.
  @Test func anInvariantsPageListsItsSpecimens() throws {
    let folder = try TemporaryFolder()
    for (invariant, names) in try Specimens.byInvariant() {
      let ended = try LimenProgram.probing(in: folder)("explain", invariant.rawValue)
      let words = ended.output.split { $0.isWhitespace }.joined(separator: " ")
      #expect(words.hasSuffix("Specimens: " + names.joined(separator: ", ")), "\(invariant)")
    }
  }

  @Test(arguments: Specimens.names) func everySpecimenNamesAnInvariant(name: String) throws {
    let page = try Specimens.page(name)
    #expect(Monitors.descriptions.contains { $0.identifier == page.invariant })
    #expect(page.paragraphs.contains { $0.hasPrefix("Who could reach it:") })
    #expect(page.paragraphs.contains { $0.hasPrefix("What happens:") })
  }

  @Test func thePageIsCurrent() async throws {
    var rows: [SpecimenClaim.Row] = []
    for name in Specimens.names { rows += try await SpecimenClaims.shared.rows(name) }
    let wanted = try SpecimenTable(rows: rows, compiler: SpecimenTable.presentCompiler())
    if ProcessInfo.processInfo.environment["LIMEN_BLESS"] == "1" {
      try wanted.document.write(to: Self.file, atomically: true, encoding: .utf8)
    }
    let text = try String(contentsOf: Self.file, encoding: .utf8)
    if text.contains(wanted.compilerLine) {
      #expect(text == wanted.document, "'./dev bless' rewrites it")
    } else {
      // Another compiler makes another kernel around the same threshold, with counts of its own.
      #expect(
        SpecimenTable.withoutCounts(text) == SpecimenTable.withoutCounts(wanted.document), "'./dev bless' rewrites it")
    }
  }
}
