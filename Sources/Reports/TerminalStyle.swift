/// Emphasis on a terminal: ECMA-48, "SGR - Select Graphic Rendition". Off, it leaves the text alone.
struct TerminalStyle {
  enum Emphasis: String {
    case bold = "1"
    case good = "32"
    case bad = "1;31"
    case open = "33"
    case quiet = "2"
  }

  var colour: Bool

  func callAsFunction(_ emphasis: Emphasis, _ text: String) -> String {
    colour && !text.isEmpty ? "\u{1B}[\(emphasis.rawValue)m\(text)\u{1B}[0m" : text
  }
}
