import Findings

/// What a report is of.
public enum Document: Sendable {
  /// What `limen check` and `limen replay` found, of one kernel or of several.
  ///
  /// - records: for each report the runs of its sections, for `html`; none where no runs are to be shown.
  case check([CheckReport], records: [[SectionRecord]] = [])
  /// What `limen diff` showed.
  ///
  /// - reports: of each kernel, in the order of the sides; none where only what a guest sees was compared.
  case diff(DiffReport, reports: [CheckReport], records: [[SectionRecord]] = [])
  case thread(ThreadReport)
  /// - accesses: those that were written down are the report's in every format, not in `html` alone. The registers are in no other.
  case trace(TraceRecord, accesses: Bool = true)

  /// Without what `html` alone shows.
  var bare: Document {
    guard case .trace(var record, let accesses) = self else { return self }
    for index in record.steps.indices {
      record.steps[index].registers = nil
      if !accesses { record.steps[index].accesses = nil }
    }
    return .trace(record)
  }
}
