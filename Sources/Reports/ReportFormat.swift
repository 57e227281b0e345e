/// The formats a document can be printed in; one file each.
public enum ReportFormat: String, CaseIterable, Sendable {
  case terminal
  case json
  case ktap
  case junit
  case sarif
  case markdown
  case html
}
