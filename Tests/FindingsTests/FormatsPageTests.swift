import Findings
import Foundation
import Reports
import Testing

/// Goal: Documentation/Formats.md describes the formats that exist: every name in the golden documents and every word of
/// the vocabularies stands there as code.
@Suite struct FormatsPageTests {
  static func page() throws -> String {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Documentation/Formats.md")
    return try String(contentsOf: file.standardized, encoding: .utf8)
  }

  /// Every name in the document, at any depth.
  static func names(_ value: JSONValue) -> Set<String> {
    switch value {
    case .object(let members): members.reduce(into: Set(members.keys)) { $0.formUnion(names($1.value)) }
    case .array(let elements): elements.reduce(into: []) { $0.formUnion(names($1)) }
    default: []
    }
  }

  @Test(arguments: ["check.json", "checks.json", "thread.json", "witness.json", "progress.json", "mutants.json"])
  func everyNameIsDescribed(golden: String) throws {
    let page = try Self.page()
    let bytes = try Data(contentsOf: Golden.folder.appending(path: golden))
    let names = Self.names(try JSONValue(reading: Array(bytes)))
    #expect(names.count > 5)
    for name in names.sorted() { #expect(page.contains("`\(name)`"), "\(name) is not described") }
  }

  @Test func everyWordIsDescribed() throws {
    let page = try Self.page()
    func words<V: Vocabulary>(_: V.Type) -> [String] { V.allCases.map(\.rawValue) }
    let all =
      words(PlatformName.self) + words(ProfileName.self) + words(CrossingKind.self) + words(EventKind.self)
      + words(WindowKind.self) + words(Direction.self) + words(Arrival.self) + words(Severity.self)
      + words(Verdict.Kind.self) + words(ReportChanges.Change.self) + words(ThreadOutcome.self)
      + words(MutationOperator.self) + words(MutantFate.self)
    for word in all { #expect(page.contains("`\(word)`"), "\(word) is not described") }
  }

  @Test func theVersionsAreTheCurrentOnes() throws {
    let page = try Self.page()
    #expect(page.contains("`limen-check`, version \(CheckReport.version)"))
    #expect(page.contains("`limen-checks`, version \(CheckCollection.currentVersion)"))
    #expect(page.contains("`limen-thread`, version \(ThreadReport.currentVersion)"))
    #expect(page.contains("`limen-witness`, version \(Witness.version)"))
    #expect(page.contains("`limen-progress`, version \(CheckProgress.version)"))
    #expect(page.contains("`limen-baseline`, version \(KnownFindings.version)"))
    #expect(page.contains("`limen-changes`, version \(ReportChanges.currentVersion)"))
    #expect(page.contains("`limen-mutants`, version \(MutationReport.version)"))
    #expect(page.contains("`\"\(MutationProgress.format)\"`, `version` \(MutationProgress.version)"))
  }
}
