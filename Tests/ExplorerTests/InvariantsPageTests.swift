import Findings
import Foundation
import Invariants
import Reports
import Testing

/// Goal: Documentation/Invariants.md says what the declarations and the specimens' pages say; `./dev bless` rewrites it.
@Suite struct InvariantsPageTests {
  static let page = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Documentation/Invariants.md").standardized

  @Test func thePageIsTheDeclarations() throws {
    let wanted = try InvariantPage.document(of: Monitors.descriptions, specimens: Specimens.byInvariant())
    if ProcessInfo.processInfo.environment["LIMEN_BLESS"] == "1" {
      try wanted.write(to: Self.page, atomically: true, encoding: .utf8)
    }
    let text = try String(contentsOf: Self.page, encoding: .utf8)
    #expect(text == wanted, "the declarations say otherwise; './dev bless' rewrites the page")
  }
}
