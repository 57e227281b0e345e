/// The specimens of `Specimens/` and their pages, for the tests of them.
import Findings
import Foundation

enum Specimens {
  static let folder = Probe.root.appendingPathComponent("Specimens")
  static let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()) ?? []

  static func source(_ name: String, _ file: String = "Defective.S") throws -> String {
    try String(contentsOf: folder.appendingPathComponent("\(name)/\(file)"), encoding: .utf8)
  }

  static func page(_ name: String) throws -> SpecimenDescription {
    try SpecimenDescription(name: name, source: try source(name))
  }

  /// The names of those that each invariant must see.
  static func byInvariant() throws -> [InvariantName: [String]] {
    try names.reduce(into: [:]) { known, name in
      let page = try page(name)
      if page.unseen == nil { known[page.invariant, default: []].append(name) }
    }
  }
}
