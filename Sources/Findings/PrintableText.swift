/// Text that came out of a kernel image or a file, made safe for a terminal: symbol names and messages may hold control
/// sequences, line breaks and direction overrides, which must not reach the screen as such.

/// The text with everything but printable characters written as `\u{…}`; cut off, with a mark, after `limit` characters.
public func printable(_ text: String, limit: Int = 512) -> String {
  var result = ""
  var count = 0
  for scalar in text.unicodeScalars {
    guard count < limit else { return result + "…" }
    count += 1
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
      result += "\\u{" + String(scalar.value, radix: 16) + "}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}
