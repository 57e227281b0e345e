/// A report's places with the lines of source that they were made from. That is added at the end: what is kept or compared with another build has
/// names and addresses alone.

extension Location {
  public func sourced(_ line: (UInt64) -> SourceLine?) -> Location {
    var location = self
    location.source = line(address)
    return location
  }
}

extension Finding {
  /// Where it broke, where that came from, and where its events came.
  public func sourced(_ line: (UInt64) -> SourceLine?) -> Finding {
    var finding = self
    finding.location = location.sourced(line)
    if let origin { finding.origin = Origin(location: origin.location.sourced(line), explanation: origin.explanation) }
    for index in path.steps.indices { finding.path.steps[index].location = path.steps[index].location.sourced(line) }
    return finding
  }
}

extension CheckSection {
  public func sourced(_ line: (UInt64) -> SourceLine?) -> CheckSection {
    var section = self
    section.findings = findings.map { $0.sourced(line) }
    return section
  }
}

extension TraceRecord {
  /// Every boundary.
  public func sourced(_ line: (UInt64) -> SourceLine?) -> TraceRecord {
    var record = self
    for index in steps.indices { record.steps[index].location = steps[index].location.sourced(line) }
    return record
  }
}
