/// A finding: an invariant that a trial broke, with the two places a reader needs (where it broke, where that came
/// from), the shortest path to it and the command that shows it again.

public enum Severity: String, Vocabulary {
  /// An invariant was broken by execution.
  case violation
  /// Worth reading; the verdict does not depend on it.
  case note
}

/// One register as it stood where the invariant broke.
public struct RegisterValue: Hashable, Sendable {
  public var name: String
  public var value: UInt64

  public init(_ name: String, _ value: UInt64) {
    self.name = name
    self.value = value
  }
}

extension RegisterValue: Codable {
  enum CodingKeys: String, CodingKey { case name, value }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      try fields.decode(String.self, forKey: .name), try fields.decode(HexadecimalWord.self, forKey: .value).value)
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(name, forKey: .name)
    try fields.encode(HexadecimalWord(value), forKey: .value)
  }
}

/// Where the broken state came from: its last writer, or the injected event.
public struct Origin: Hashable, Sendable, Codable {
  public var location: Location
  /// A phrase that continues "from": `RSP was last written here, at boundary 4`.
  public var explanation: String

  public init(location: Location, explanation: String) {
    self.location = location
    self.explanation = explanation
  }
}

public struct Finding: Hashable, Sendable, Codable {
  public var invariant: InvariantName
  public var severity: Severity
  /// One sentence without a full stop, which follows the place: `NMI here pushes its frame at the user's RSP`.
  public var message: String
  /// Where it broke.
  public var location: Location
  public var origin: Origin?
  public var path: Path
  /// The command line that runs it again.
  public var replay: String
  /// The registers worth reading, in the order they are to be read.
  public var registers: [RegisterValue]
  /// Whether the baseline knows it; nil where there is none.
  public var known: Bool?

  public init(
    invariant: InvariantName, severity: Severity = .violation, message: String, location: Location,
    origin: Origin? = nil, path: Path, replay: String, registers: [RegisterValue] = []
  ) {
    self.invariant = invariant
    self.severity = severity
    self.message = message
    self.location = location
    self.origin = origin
    self.path = path
    self.replay = replay
    self.registers = registers
  }
}

extension Finding: Comparable {
  /// Violations before notes, then the shortest path first, then by place and by name: a report never depends on who
  /// found it first.
  public static func < (a: Finding, b: Finding) -> Bool {
    if a.severity != b.severity { return a.severity < b.severity }
    if a.path != b.path { return a.path < b.path }
    return (a.invariant, a.location, a.message, a.replay) < (b.invariant, b.location, b.message, b.replay)
  }
}
