/// The pages of `--help`, wrapped once, at the width of the terminal.
///
/// ArgumentParser breaks every line at the width, one that shows a command too, and its own breaks come on top of those in the source. Here it
/// is asked for lines without end, and each is wrapped by what it is: a paragraph at the margin, an option's text in its column, and a command
/// not at all.
public enum HelpText {
  /// Where ArgumentParser puts what it says of an option.
  private static let column = 26

  /// - Parameter text: the page as it is without any wrapping.
  public static func wrapped(_ text: String, columns: Int) -> String {
    var result: [String] = []
    var paragraph: [Substring] = []
    var isTable = false
    func close() {
      if !paragraph.isEmpty { result += wrap(paragraph.joined(separator: " "), columns: columns, hanging: 0) }
      paragraph = []
    }
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let indent = line.prefix { $0 == " " }.count
      if line.hasPrefix("USAGE:") {
        close()
        isTable = true
        result += wrap(String(line), columns: columns, hanging: 9)
      } else if line.isEmpty || isHeading(line) {
        close()
        result.append(String(line))
      } else if indent == 0 && !isTable {
        paragraph.append(line)
      } else {
        close()
        if line.dropFirst(indent).hasPrefix("limen ") {
          result.append(String(line))
        } else {
          result += wrap(String(line), columns: columns, hanging: isTable ? column : textColumn(of: line))
        }
      }
    }
    close()
    return result.joined(separator: "\n")
  }

  /// `EXAMPLES`, `OPTIONS:`, but not a sentence.
  private static func isHeading(_ line: Substring) -> Bool {
    line.allSatisfy { $0.isUppercase || $0 == " " || $0 == ":" } && line.first != " "
  }

  /// Where the text of `  5  inconclusive: ...` begins; of a line without a label, its own beginning.
  private static func textColumn(of line: Substring) -> Int {
    let indent = line.prefix { $0 == " " }.count
    let label = line.dropFirst(indent).prefix { $0 != " " }.count
    let gap = line.dropFirst(indent + label).prefix { $0 == " " }.count
    return label <= 2 ? indent + label + gap : indent
  }

  /// Lines of at most so many columns, where a word is not longer than that; all but the first begin behind `hanging` blanks. Blanks at the
  /// beginning stay, and so do those between words of the first line.
  public static func wrap(_ text: String, columns: Int, hanging: Int) -> [String] {
    guard text.count > columns else { return [text] }
    let indent = text.prefix { $0 == " " }
    let margin = String(repeating: " ", count: min(hanging, columns / 2))
    var lines: [String] = []
    var line = String(indent)
    var isEmpty = true
    var gap = ""
    var rest = text.dropFirst(indent.count)
    while !rest.isEmpty {
      let word = rest.prefix { $0 != " " }
      rest = rest.dropFirst(word.count)
      if !isEmpty && line.count + gap.count + word.count > columns {
        lines.append(line)
        line = margin + word
      } else {
        line += (isEmpty ? "" : gap) + word
      }
      isEmpty = false
      let blanks = rest.prefix { $0 == " " }
      gap = String(blanks)
      rest = rest.dropFirst(blanks.count)
    }
    return lines + [line]
  }
}
