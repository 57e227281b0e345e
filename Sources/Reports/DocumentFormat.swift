/// The formats of what is no check: a page or a table for eyes, and JSON (Documentation/Formats.md).
public enum DocumentFormat: String, CaseIterable, Sendable {
  case terminal
  case json
}
