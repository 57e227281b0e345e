import ArgumentParser
import Findings

/// `limen list KIND`: the names an option takes, one a line.
struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the names of a kind, one a line.",
    discussion: """
      EXAMPLE
        limen list crossings
      """)

  enum Kind: String, CaseIterable, ExpressibleByArgument {
    case platforms, profiles, crossings, postures, events, invariants, ablations, operators, designs, specimens
  }

  @Argument(help: "What to list: \(Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
  var kind: Kind

  func run() throws {
    try StandardOutput.write(try names().map { $0 + "\n" }.joined())
  }

  private func names() throws -> [String] {
    switch kind {
    case .platforms: Catalogue.platforms.map(\.rawValue)
    case .profiles: ProfileName.allCases.map(\.rawValue)
    case .crossings: CrossingKind.allCases.map(\.rawValue)
    case .events: EventKind.allCases.map(\.rawValue)
    case .operators: MutationOperator.allCases.map(\.rawValue)
    case .postures: try Catalogue.postures().map(\.rawValue)
    case .invariants: Catalogue.invariants().map(\.identifier.rawValue)
    case .designs: try ReferenceFolder.find().designs().map(\.title)
    case .specimens: try ReferenceFolder.find().specimens()
    case .ablations: Catalogue.ablations().map(\.rawValue)
    }
  }
}
