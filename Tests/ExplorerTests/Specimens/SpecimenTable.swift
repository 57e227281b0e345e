/// Documentation/Specimens.md: what the suite found of every specimen, and what all of them exercise.
import Findings
import Foundation
import Invariants

struct SpecimenTable {
  var rows: [SpecimenClaim.Row]
  /// The Swift compiler by its version: it made the kernel whose instructions are counted.
  var compiler: String

  var compilerLine: String { "The kernel is the one that \(compiler) makes." }

  static func presentCompiler() throws -> String {
    let said = try run("swiftc", ["--version"]).output.split(separator: "\n").first { $0.contains("Swift version") }
    return (said.map(String.init) ?? "an unknown compiler").trimmingCharacters(in: .whitespaces)
  }

  var document: String {
    """
    # Specimens

    Every defect of `Specimens/`, on every machine that its page names, as the suite found it (`Tests/ExplorerTests/Specimens`); `./dev bless` makes this
    page. `limen explain NAME` prints what a specimen is of, `limen check specimen:NAME --posture POSTURE` finds it. Every twin
    (`specimen:NAME:fixed`) holds where its specimen breaks.

    | column | what it is |
    |---|---|
    | depth | how many events it takes; with fewer nothing is found |
    | witness | the boundaries at which they are taken, of so many from the crossing until it is back in user mode or dead |
    | trials | of `limen check` with one event at most, of every kind, from the page's posture; none for what takes more, which is played from the page's path |
    | crash-only check | what one sees of the same witness who looks for death and for hanging alone |

    \(compilerLine)

    | specimen | platform | profile | crossing | posture | invariant | depth | witness | trials | crash-only check |
    |---|---|---|---|---|---|---|---|---|---|
    \(rows.map(line).joined(separator: "\n"))

    \(share)

    ## What they exercise

    | what | specimens |
    |---|---|
    \(coverage.joined(separator: "\n"))

    """
  }

  private func line(_ row: SpecimenClaim.Row) -> String {
    let page = row.page
    let at = row.boundaries.isEmpty ? "-" : row.boundaries.map(String.init).joined(separator: ", ")
    let cells = [
      page.name, row.platform.rawValue, row.profile.rawValue, page.crossing.rawValue, page.posture.rawValue,
      page.unseen == nil ? page.invariant.rawValue : "not seen yet", "\(page.depth)",
      "\(at) of \(row.length.map(String.init) ?? "no end")",
      row.trials.map(String.init) ?? "-", Self.seen(row),
    ]
    return "| " + cells.joined(separator: " | ") + " |"
  }

  private static func seen(_ row: SpecimenClaim.Row) -> String {
    switch row.end {
    case "user": "nothing"
    case "dead": "death"
    default: "hanging"
    }
  }

  private var share: String {
    let seen = rows.filter { $0.page.unseen == nil }
    let silent = seen.filter { $0.end == "user" }
    return "Of \(seen.count) rows that an invariant names, a crash-only check sees nothing in \(silent.count)."
  }

  /// Names of a kind, and the specimens of each.
  private var coverage: [String] {
    var pages: [SpecimenDescription] = []
    for row in rows where row.page.unseen == nil && pages.last?.name != row.page.name { pages.append(row.page) }
    func lines(_ kind: String, _ names: [String], _ has: (SpecimenDescription, String) -> Bool) -> [String] {
      names.map { name in
        let having = pages.filter { has($0, name) }.map(\.name)
        return "| \(kind) `\(name)` | \(having.isEmpty ? "none" : having.joined(separator: ", ")) |"
      }
    }
    let postures = Set(pages.map(\.posture.rawValue)).sorted()
    let standings = Set(rows.flatMap(\.standings)).sorted()
    let ofRows = Dictionary(grouping: rows, by: \.page.name).mapValues { Set($0.flatMap(\.standings)) }
    return lines("invariant", Monitors.descriptions.map(\.identifier.rawValue)) { $0.invariant.rawValue == $1 }
      + lines("event", EventKind.allCases.map(\.rawValue)) { page, name in
        page.path.contains { $0.event.rawValue == name }
      }
      + lines("boundary", standings) { ofRows[$0.name]?.contains($1) ?? false }
      + lines("crossing", CrossingKind.allCases.map(\.rawValue)) { $0.crossing.rawValue == $1 }
      + lines("posture", postures) { $0.posture.rawValue == $1 }
  }

  /// Without what hangs on the compiler: its name, and the columns of counts.
  static func withoutCounts(_ document: String) -> [String] {
    document.split(separator: "\n").filter { !$0.hasPrefix("The kernel is the one that") }.map { line in
      let cells = line.split(separator: "|", omittingEmptySubsequences: false)
      guard cells.count == 12 else { return String(line) }
      return cells.enumerated().filter { $0.offset != 8 && $0.offset != 9 }.map { String($0.element) }.joined(
        separator: "|")
    }
  }
}
