import Findings

/// What this version can be asked about, drawn from the declarations of the rooms below. A list whose declarations do
/// not exist yet is unsupported, not empty.
enum Catalogue {
  /// The platforms that run; the vocabulary knows more.
  static let platforms: [PlatformName] = [.bareMetal]

  static func require(_ platform: PlatformName) throws(CommandFailure) {
    guard !platforms.contains(platform) else { return }
    throw .unsupported(
      platform.rawValue, "this version has no such platform, only \(platforms.map(\.rawValue).joined(separator: ", "))",
      addedIn: "Sources/LimenCommands/Catalogue.swift")
  }

  static func invariants() throws(CommandFailure) -> [InvariantDescription] { throw absent("invariants") }

  static func postures() throws(CommandFailure) -> [PostureName] { throw absent("postures") }

  static func ablations() throws(CommandFailure) -> [AblationName] { throw absent("ablations") }

  private static func absent(_ list: String) -> CommandFailure {
    .unsupported(list, "none are declared in this version", addedIn: "Sources/LimenCommands/Catalogue.swift")
  }
}
