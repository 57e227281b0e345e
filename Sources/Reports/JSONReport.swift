import Findings

/// The report for programs: every field of `CheckReport`, described in Documentation/Formats.md.
public enum JSONReport {
  public static func text(of report: CheckReport) -> String { documentText(report) }
}
