import Findings

/// What `limen explain` prints: the declaration of an invariant as a page.
public enum InvariantPage {
  public static func text(of invariant: InvariantDescription) -> String {
    var lines = [invariant.identifier.rawValue, ""]
    lines += wrapped(invariant.claim)
    lines.append("")
    lines += wrapped(invariant.why)
    lines.append("")
    lines += wrapped("See: " + invariant.citation)
    if !invariant.specimens.isEmpty {
      lines.append("")
      lines += wrapped("Broken by: " + invariant.specimens.joined(separator: ", "))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Paragraphs, which line feeds divide, in lines of at most 80 columns; a longer word stands alone.
  static func wrapped(_ text: String, columns: Int = 80) -> [String] {
    var lines: [String] = []
    for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
      var line = ""
      for word in paragraph.split(separator: " ") {
        if !line.isEmpty && line.count + 1 + word.count > columns {
          lines.append(line)
          line = ""
        }
        line += line.isEmpty ? String(word) : " " + word
      }
      lines.append(line)
    }
    return lines
  }
}
