import ArgumentParser
import Findings
import Reports

/// `limen explain ID`: the page of an invariant or of a specimen.
struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Explains an invariant (its claim, the reason, the manual's section) or a specimen (its history).",
    discussion: """
      EXAMPLES
        limen explain rsp-owned
        limen explain nmi-reentered
      """)

  @Argument(
    help:
      "An invariant's identifier or a specimen's name, as 'limen list invariants' and 'limen list specimens' print them."
  )
  var identifier: String

  func run() throws {
    let invariants = Catalogue.invariants()
    if let invariant = invariants.first(where: { $0.identifier.rawValue == identifier }) {
      return try StandardOutput.write(InvariantPage.text(of: invariant, specimens: specimens(of: invariant.identifier)))
    }
    try StandardOutput.write(SpecimenPage.text(of: try specimen()))
  }

  /// Those whose pages name it, and that it sees; none without the reference kernel.
  private func specimens(of invariant: InvariantName) throws(CommandFailure) -> [String] {
    guard let folder = try? ReferenceFolder.find() else { return [] }
    var names: [String] = []
    for name in try folder.specimens() {
      let page = try folder.specimen(named: name)
      if page.invariant == invariant && page.unseen == nil { names.append(name) }
    }
    return names
  }

  private func specimen() throws(CommandFailure) -> SpecimenDescription {
    if case .specimen(let specimen) = try KernelName(identifier) {
      return try ReferenceFolder.find().specimen(named: specimen.name)
    }
    // Without the reference kernel there are no specimens, and what is wrong is the name alone.
    guard let folder = try? ReferenceFolder.find(), try folder.specimens().contains(identifier) else {
      throw CommandFailure(
        .badInput, identifier,
        "no invariant and no specimen has this name; see 'limen list invariants', 'limen list specimens'")
    }
    return try folder.specimen(named: identifier)
  }
}
