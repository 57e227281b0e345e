/// A path: the choices that make a trial. With the seed and the posture it determines the whole run.

/// One event, made to happen at one boundary.
public struct PathStep: Hashable, Sendable, Codable {
  /// Counted from the crossing over everything the run executes, handlers of earlier steps included; the first is 0.
  public var boundary: Int
  /// The instruction that was about to execute.
  public var location: Location
  public var event: EventKind

  public init(boundary: Int, location: Location, event: EventKind) {
    self.boundary = boundary
    self.location = location
    self.event = event
  }
}

extension PathStep: Comparable {
  public static func < (a: PathStep, b: PathStep) -> Bool {
    (a.boundary, a.event, a.location) < (b.boundary, b.event, b.location)
  }
}

extension PathStep: CustomStringConvertible {
  public var description: String { "\(event.title) at boundary \(boundary), \(location)" }
}

/// The steps, outermost first. The empty path is the baseline.
public struct Path: Hashable, Sendable {
  public var steps: [PathStep]

  public init(_ steps: [PathStep] = []) { self.steps = steps }
}

extension Path: Comparable {
  /// Shorter first, then step by step.
  public static func < (a: Path, b: Path) -> Bool {
    if a.steps.count != b.steps.count { return a.steps.count < b.steps.count }
    return a.steps.lexicographicallyPrecedes(b.steps)
  }
}

extension Path: CustomStringConvertible {
  public var description: String {
    steps.isEmpty ? "no event" : steps.map(\.description).joined(separator: ", then ")
  }
}

extension Path: Codable {
  public init(from decoder: any Decoder) throws {
    self.init(try decoder.singleValueContainer().decode([PathStep].self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(steps)
  }
}
