/// The formats of what counts or compares reports and is no answer about a kernel: a page for eyes, and JSON (Documentation/Formats.md).
public enum DocumentFormat: String, CaseIterable, Sendable {
  case terminal
  case json
}
