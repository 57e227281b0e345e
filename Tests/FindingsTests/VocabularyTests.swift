import Findings
import Foundation
import Testing

/// Goal: every name that an option takes or a report says can be asked about, and is answered by a sentence.
@Suite struct VocabularyTests {
  private static let environment = [
    "LIMEN_PROBE": URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../.build-probe/probe.elf")
      .standardized.path
  ]

  private func limen(_ arguments: String...) throws -> String {
    let ended = try CommandLineTests.limen(arguments, environment: Self.environment.merging(["COLUMNS": "9000"]) { $1 })
    #expect(ended.status == 0 && ended.complaint.isEmpty, "\(arguments)")
    return ended.output
  }

  @Test(arguments: [
    "platforms", "profiles", "crossings", "postures", "events", "windows", "arrivals", "ablations", "operators",
  ])
  func everyNameHasASentence(kind: String) throws {
    let names = try limen("list", kind).split(separator: "\n").map(String.init)
    #expect(names.count > 1)
    let width = names.map(\.count).max()! + 2
    let verbose = try limen("list", kind, "--verbose").split(separator: "\n").map(String.init)
    try #require(verbose.count == names.count)
    for (name, line) in zip(names, verbose) {
      #expect(line.hasPrefix(name + "  "))
      let meaning = String(line.dropFirst(width))
      #expect(meaning.hasSuffix(".") && meaning.contains(" ") && !meaning.contains("\\"), "\(line)")
      let page = try limen("explain", name)
      #expect(page.contains("\(name): \(kind.dropLast()) (") && page.contains("\n\(meaning)\n"), "\(name)")
    }
    #expect(Set(verbose.map { $0.dropFirst(width) }).count == names.count, "two names mean the same")
  }

  @Test func anInvariantIsListedWithItsClaim() throws {
    #expect(try limen("list", "invariants", "-v").contains("rsp-owned"))
    #expect(try limen("explain", "rsp-owned").hasPrefix("rsp-owned\n"))
  }

  @Test func aNameOfTwoKindsIsExplainedAsBoth() throws {
    let page = try limen("explain", "nmi")
    #expect(page.contains("nmi: crossing (--crossing)") && page.contains("nmi: event (--event)"))
  }
}
