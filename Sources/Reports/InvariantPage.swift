import Findings

/// What `limen explain` prints: the declaration of an invariant as a page; and all of them as Documentation/Invariants.md.
public enum InvariantPage {
  /// - Parameter specimens: the names of those whose pages name the invariant.
  public static func text(of invariant: InvariantDescription, specimens: [String] = []) -> String {
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
    if !specimens.isEmpty {
      lines.append("")
      lines += wrapped("Specimens: " + specimens.joined(separator: ", "))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Every invariant as one Markdown document, in the order in which they are declared.
  ///
  /// - Parameter specimens: for each the names of those whose pages name it.
  public static func document(of invariants: [InvariantDescription], specimens: [InvariantName: [String]]) -> String {
    let opening = """
      # Invariants

      What Limen judges every run by. This page is made from the declarations in `Sources/Invariants` and the pages of `Specimens/` by
      `./dev bless`; `limen explain ID` prints one of them.

      """
    let sections = invariants.map { invariant in
      var lines = ["", "## \(invariant.identifier.rawValue)", ""]
      lines += wrapped(invariant.claim, columns: 120)
      lines.append("")
      lines += wrapped(invariant.why, columns: 120)
      lines.append("")
      lines += wrapped("See: " + invariant.citation, columns: 120)
      let named = specimens[invariant.identifier] ?? []
      for (words, names) in [("Broken on purpose by: ", invariant.specimens), ("Specimens: ", named)]
      where !names.isEmpty {
        lines.append("")
        lines += wrapped(words + names.joined(separator: ", "), columns: 120)
      }
      return lines.joined(separator: "\n") + "\n"
    }
    return opening + sections.joined()
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
