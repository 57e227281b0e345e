/// The names of each kind that options and reports use, with what each means: `limen list` prints the kinds, `limen explain` a name.
import ArgumentParser
import Findings
import Platform

enum NameKind: String, CaseIterable, ExpressibleByArgument {
  case platforms, profiles, crossings, postures, events, invariants, ablations, operators, windows, arrivals, designs,
    specimens

  struct Entry {
    var name: String
    /// A sentence; nil where nothing says one.
    var meaning: String?
  }

  /// In the order in which they are declared.
  func entries() throws(CommandFailure) -> [Entry] {
    switch self {
    case .platforms: Self.entries(of: Catalogue.platforms)
    case .profiles: Self.entries(of: ProfileName.allCases)
    case .crossings: Self.entries(of: CrossingKind.allCases)
    case .events: Self.entries(of: EventKind.allCases)
    case .windows: Self.entries(of: WindowKind.allCases)
    case .arrivals: Self.entries(of: Arrival.allCases)
    case .ablations: Self.entries(of: Ablation.allCases)
    case .operators: Self.entries(of: MutationOperator.allCases)
    case .postures: try Catalogue.postures().map { Entry(name: $0.rawValue, meaning: $0.meaning) }
    case .invariants: Catalogue.invariants().map { Entry(name: $0.identifier.rawValue, meaning: $0.claim) }
    case .designs: try Self.designs()
    case .specimens: try Self.specimens()
    }
  }

  private static func entries(of names: [some Explained & RawRepresentable<String>]) -> [Entry] {
    names.map { Entry(name: $0.rawValue, meaning: $0.meaning) }
  }

  private static func designs() throws(CommandFailure) -> [Entry] {
    let folder = try ReferenceFolder.find()
    return try folder.designs().map { Entry(name: $0.title, meaning: folder.opening(of: $0)) }
  }

  private static func specimens() throws(CommandFailure) -> [Entry] {
    let folder = try ReferenceFolder.find()
    return try folder.specimens().map { name throws(CommandFailure) in
      Entry(name: name, meaning: try folder.specimen(named: name).paragraphs.first)
    }
  }

  /// One of them, in prose.
  var singular: String {
    switch self {
    case .platforms: "platform"
    case .profiles: "profile"
    case .crossings: "crossing"
    case .postures: "posture"
    case .events: "event"
    case .invariants: "invariant"
    case .ablations: "ablation"
    case .operators: "operator"
    case .windows: "window"
    case .arrivals: "arrival"
    case .designs: "design"
    case .specimens: "specimen"
    }
  }

  /// How it is asked for.
  var use: String {
    switch self {
    case .platforms: "--platform"
    case .profiles: "--profile"
    case .crossings: "--crossing"
    case .postures: "--posture"
    case .events: "--event"
    case .ablations: "--ablate"
    case .operators: "--operator"
    case .windows: "a row of a report's window map"
    case .arrivals: "what a window map says of an event"
    case .designs: "design:NAME in place of a kernel"
    case .invariants, .specimens: ""
    }
  }
}
