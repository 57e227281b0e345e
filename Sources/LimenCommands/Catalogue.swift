import Findings
import Invariants
import Platform
import Subjects

/// What this version can be asked about, drawn from the declarations of the rooms below. A list whose declarations do
/// not exist yet is unsupported, not empty.
enum Catalogue {
  /// The platforms that run; the vocabulary knows more.
  static let platforms = PlatformName.existing

  static func require(_ platform: PlatformName) throws(CommandFailure) {
    guard !platforms.contains(platform) else { return }
    throw .unsupported(
      platform.rawValue, "this version has no such platform, only \(platforms.map(\.rawValue).joined(separator: ", "))",
      addedIn: "Sources/Subjects/PlatformName+Computer.swift")
  }

  static func invariants() -> [InvariantDescription] { Monitors.descriptions }

  static func postures() throws(CommandFailure) -> [PostureName] { try ProbeFile.load().postures }

  static func ablations() -> [AblationName] { Ablation.allCases.map(\.name) }

  /// The guards that the lists of `--ablate` name.
  static func chosen(_ lists: [OpenSelection<AblationName>]) throws(CommandFailure) -> [Ablation] {
    try OpenSelection.chosen(lists, from: ablations(), option: "--ablate").map { Ablation(rawValue: $0.rawValue)! }
  }
}
