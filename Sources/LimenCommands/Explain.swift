import ArgumentParser
import Findings
import Reports

/// `limen explain ID`: an invariant's page.
struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Explains an invariant: its claim, the reason, the manual's section.",
    discussion: """
      EXAMPLE
        limen explain rsp-owned
      """)

  @Argument(help: "The invariant's identifier, as 'limen list invariants' prints it.")
  var identifier: String

  func run() throws {
    let invariants = Catalogue.invariants()
    guard let invariant = invariants.first(where: { $0.identifier.rawValue == identifier }) else {
      throw CommandFailure(.badInput, identifier, "no invariant has this identifier; see 'limen list invariants'")
    }
    try StandardOutput.write(InvariantPage.text(of: invariant))
  }
}
