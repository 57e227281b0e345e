import Findings

/// The reports for programs: every field of `CheckReport`, `CheckCollection`, `TraceRecord` and `DiffReport`,
/// described in Documentation/Formats.md.
public enum JSONReport {
  public static func text(of report: CheckReport) -> String { documentText(report) }
  public static func text(of collection: CheckCollection) -> String { documentText(collection) }
  public static func text(of report: ThreadReport) -> String { documentText(report) }
  public static func text(of record: TraceRecord) -> String { documentText(record) }
  public static func text(of report: DiffReport) -> String { documentText(report) }
  public static func text(of report: MutationReport) -> String { documentText(report) }
}
