import Findings

/// The reports for programs: every field of `CheckReport` and of `TraceRecord`, described in Documentation/Formats.md.
public enum JSONReport {
  public static func text(of report: CheckReport) -> String { documentText(report) }
  public static func text(of record: TraceRecord) -> String { documentText(record) }
}
