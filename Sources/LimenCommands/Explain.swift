import ArgumentParser
import Findings
import Reports

/// `limen explain ID`: the page of an invariant or of a specimen.
struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Explains an invariant (claim, reason, manual section), a specimen (its history), or any other name.",
    discussion: """
      EXAMPLES
        limen explain rsp-owned
        limen explain nmi-reentered
        limen explain own-stack
      """)

  @Argument(
    help:
      "A name of any kind, as 'limen list KIND' prints it; what is a name of several kinds is explained as each."
  )
  var identifier: String

  func run() throws {
    let invariants = Catalogue.invariants()
    if let invariant = invariants.first(where: { $0.identifier.rawValue == identifier }) {
      return try StandardOutput.write(InvariantPage.text(of: invariant, specimens: specimens(of: invariant.identifier)))
    }
    let lines = words()
    // A specimen may have the name of the event that it is about.
    let isSpecimen = lines.isEmpty || (try? ReferenceFolder.find().specimens().contains(identifier)) == true
    let page = isSpecimen ? SpecimenPage.text(of: try specimen()) + (lines.isEmpty ? "" : "\n") : ""
    try StandardOutput.write(page + lines.map { $0 + "\n" }.joined())
  }

  /// What it means as a name of a vocabulary: an event and a crossing may have the same.
  private func words() -> [String] {
    var lines: [String] = []
    for kind in NameKind.allCases where kind != .invariants && kind != .specimens {
      // Postures are the probe's, designs the reference kernel's: either may be missing.
      guard let entry = (try? kind.entries())?.first(where: { $0.name == identifier }), let meaning = entry.meaning
      else { continue }
      if !lines.isEmpty { lines.append("") }
      lines += ["\(identifier): \(kind.singular) (\(kind.use))", ""]
      lines += HelpText.wrap(meaning, columns: TerminalWidth.output ?? 80, hanging: 0)
    }
    return lines
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
        "nothing has this name; 'limen list KIND' prints those of a kind: "
          + NameKind.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return try folder.specimen(named: identifier)
  }
}
