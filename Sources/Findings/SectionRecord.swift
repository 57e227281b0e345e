/// The runs of a section, written down for a report that shows them: the crossing without events, what became of each event at each of its
/// boundaries, and the run of each finding.
public struct SectionRecord: Hashable, Sendable {
  /// Nil where the crossing did not run, or the report has more runs than it shows.
  public var crossing: TraceRecord?
  /// By boundary of the crossing; empty where it is not known, as of a section that was taken over.
  public var arrivals: [[EventKind: Arrival]]
  /// As many as the section has findings; nil for one whose run is not kept.
  public var findings: [TraceRecord?]

  public init(crossing: TraceRecord? = nil, arrivals: [[EventKind: Arrival]] = [], findings: [TraceRecord?] = []) {
    self.crossing = crossing
    self.arrivals = arrivals
    self.findings = findings
  }
}
