import ArgumentParser
import Findings
import Reports

/// `limen list KIND`: the names an option takes, one a line.
struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the names of a kind, one a line.",
    discussion: """
      EXAMPLE
        limen list crossings
        limen list ablations --verbose
      """)

  @Argument(help: "What to list: \(NameKind.allCases.map(\.rawValue).joined(separator: ", ")).")
  var kind: NameKind

  @Flag(name: [.short, .long], help: "Say of each in a sentence what it means.")
  var verbose = false

  func run() throws {
    let entries = try kind.entries()
    guard verbose else { return try StandardOutput.write(entries.map { $0.name + "\n" }.joined()) }
    let width = entries.map(\.name.count).max() ?? 0
    let columns = TerminalWidth.output ?? 80
    let lines = entries.flatMap { entry in
      let name = entry.name + String(repeating: " ", count: width - entry.name.count)
      return HelpText.wrap(
        entry.meaning.map { "\(name)  \(printable($0, limit: 4096))" } ?? entry.name, columns: columns,
        hanging: width + 2)
    }
    try StandardOutput.write(lines.map { $0 + "\n" }.joined())
  }
}
