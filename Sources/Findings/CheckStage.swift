/// How far a check is, for whoever watches it. No part of any report.

public enum CheckStage: Hashable, Sendable {
  /// A machine, by its title, is on its way to the probe, so many instructions from its start.
  case booting(machine: String, instructions: UInt64)
  case exploring(CheckAdvance)
}

extension CheckStage: CustomStringConvertible {
  public var description: String {
    switch self {
    case .booting(let machine, let instructions):
      "booting (\(machine)): \(instructions / 1_000_000) million instructions"
    case .exploring(let advance): "\(advance.title) (\(advance.section) of \(advance.sections)), \(advance.place)"
    }
  }
}

/// How far one section is while it is explored, and the check with it.
public struct CheckAdvance: Hashable, Sendable {
  /// Machine, crossing and posture.
  public var title: String
  /// Its place in the report, from 1, and how many the report has.
  public var section: Int
  public var sections: Int
  /// Of the sections that this run of the check explores: those that are done, and all.
  public var finished: Int
  public var wanted: Int
  /// The boundary of the crossing whose events are tried, and how many it has.
  public var boundary: Int
  public var boundaries: Int
  /// Paths that were tried in the section.
  public var paths: Int

  public init(
    title: String, section: Int, sections: Int, finished: Int, wanted: Int, boundary: Int, boundaries: Int, paths: Int
  ) {
    self.title = title
    self.section = section
    self.sections = sections
    self.finished = finished
    self.wanted = wanted
    self.boundary = boundary
    self.boundaries = boundaries
    self.paths = paths
  }

  public var place: String { "boundary \(boundary) of \(boundaries), \(paths) paths" }

  /// The part of the section that is done. What a boundary of the crossing costs is what can follow its events, however many the
  /// paths have: each weighs the same.
  public var part: Double { boundaries > 0 ? min(1, Double(boundary) / Double(boundaries)) : 0 }
}
