/// What Limen reads of TOML v1.0.0: tables of one name, and in them strings of one line, whole decimal numbers, booleans and arrays of these. What
/// else the language has is refused by name and line, never skipped.
import Findings

enum TOMLValue: Equatable {
  case string(String)
  case integer(Int)
  case boolean(Bool)
  case array([TOMLValue])
}

struct TOMLError: Error, CustomStringConvertible {
  /// Counted from 1.
  var line: Int
  var problem: String
  var description: String { "line \(line): \(problem)" }
}

struct TOMLReader {
  struct Entry: Equatable {
    var table: String
    var key: String
    var value: TOMLValue
    var line: Int
  }

  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var line = 1

  /// Every key, in the order of the file.
  static func entries(in text: String) throws(TOMLError) -> [Entry] {
    var reader = TOMLReader(text)
    return try reader.document()
  }

  private init(_ text: String) { scalars = Array(text.unicodeScalars) }

  private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  private func failure(_ problem: String) -> TOMLError { TOMLError(line: line, problem: problem) }

  private mutating func take() -> Unicode.Scalar? {
    guard let scalar = next else { return nil }
    position += 1
    if scalar == "\n" { line += 1 }
    return scalar
  }

  private mutating func skip(_ isSkipped: (Unicode.Scalar) -> Bool) {
    while let scalar = next, isSkipped(scalar) { _ = take() }
  }

  private mutating func skipBlanks() { skip { $0 == " " || $0 == "\t" } }

  private mutating func skipComment() throws(TOMLError) {
    guard next == "#" else { return }
    while let scalar = next, scalar != "\n" {
      // TOML, "Comment": no control characters but tab; a carriage return stands before a line feed.
      guard scalar == "\t" || scalar == "\r" || scalar.value >= 0x20 && scalar.value != 0x7F else {
        throw failure("a control character in a comment")
      }
      _ = take()
    }
  }

  /// The end of a line, behind blanks and a comment.
  private mutating func endLine() throws(TOMLError) {
    skipBlanks()
    try skipComment()
    if next == "\r" {
      _ = take()
      guard next == "\n" else { throw failure("a carriage return without a line feed") }
    }
    guard let scalar = take() else { return }
    guard scalar == "\n" else { throw failure("'\(printable(String(scalar)))' where the line should end") }
  }

  private mutating func document() throws(TOMLError) -> [Entry] {
    var entries: [Entry] = []
    var table = ""
    var tables: Set<String> = []
    while true {
      skipBlanks()
      guard let scalar = next else { return entries }
      switch scalar {
      case "#", "\n", "\r": try endLine()
      case "[":
        _ = take()
        if next == "[" { throw failure("arrays of tables are not read here") }
        skipBlanks()
        table = try key()
        skipBlanks()
        if next == "." { throw failure("tables in tables are not read here") }
        guard take() == "]" else { throw failure("']' is missing behind the table's name") }
        guard tables.insert(table).inserted else { throw failure("the table '\(table)' is there twice") }
        try endLine()
      default:
        let start = line
        let name = try key()
        skipBlanks()
        if next == "." { throw failure("dotted keys are not read here") }
        guard take() == "=" else { throw failure("'=' is missing behind '\(name)'") }
        skipBlanks()
        let value = try value(depth: 0)
        guard !entries.contains(where: { $0.table == table && $0.key == name }) else {
          throw TOMLError(line: start, problem: "'\(name)' is there twice")
        }
        entries.append(Entry(table: table, key: name, value: value, line: start))
        try endLine()
      }
    }
  }

  private mutating func key() throws(TOMLError) -> String {
    if next == "\"" || next == "'" { throw failure("quoted keys are not read here") }
    var name = ""
    while let scalar = next, Self.isBare(scalar) {
      name.unicodeScalars.append(scalar)
      _ = take()
    }
    guard !name.isEmpty else {
      throw failure(next.map { "'\(printable(String($0)))' where a key should be" } ?? "a key is missing")
    }
    return name
  }

  private static func isBare(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9", "-", "_": true
    default: false
    }
  }

  private mutating func value(depth: Int) throws(TOMLError) -> TOMLValue {
    guard let scalar = next else { throw failure("a value is missing") }
    switch scalar {
    case "\"", "'": return .string(try string())
    case "[":
      guard depth == 0 else { throw failure("arrays in arrays are not read here") }
      return .array(try array())
    case "{": throw failure("inline tables are not read here")
    default: return try word()
    }
  }

  /// A number or a boolean.
  private mutating func word() throws(TOMLError) -> TOMLValue {
    var text = ""
    while let scalar = next, Self.isBare(scalar) || scalar == "+" || scalar == "." || scalar == ":" {
      text.unicodeScalars.append(scalar)
      _ = take()
    }
    if text == "true" || text == "false" { return .boolean(text == "true") }
    // TOML, "Integer": no leading zeros; underscores between digits.
    let digits = text.hasPrefix("+") || text.hasPrefix("-") ? String(text.dropFirst()) : text
    let parts = digits.split(separator: "_", omittingEmptySubsequences: false)
    let isNumber = !digits.isEmpty && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy { ("0"..."9").contains($0) } }
    guard isNumber, digits == "0" || digits.first != "0", let number = Int(text.replacing("_", with: "")) else {
      throw failure(
        text.isEmpty ? "a value is missing" : "'\(printable(text, limit: 40))' is no value that is read here")
    }
    return .integer(number)
  }

  private mutating func array() throws(TOMLError) -> [TOMLValue] {
    _ = take()
    var values: [TOMLValue] = []
    func isSpace(_ scalar: Unicode.Scalar) -> Bool {
      scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r"
    }
    while true {
      skip(isSpace)
      while next == "#" {
        try skipComment()
        skip(isSpace)
      }
      if next == "]" {
        _ = take()
        return values
      }
      guard next != nil else { throw failure("an array does not end") }
      values.append(try value(depth: 1))
      skip(isSpace)
      while next == "#" {
        try skipComment()
        skip(isSpace)
      }
      if next == "," {
        _ = take()
      } else if next != "]" {
        throw failure("',' or ']' is missing in an array")
      }
    }
  }

  private mutating func string() throws(TOMLError) -> String {
    let quote = take()!
    if next == quote && position + 1 < scalars.count && scalars[position + 1] == quote {
      throw failure("strings of several lines are not read here")
    }
    var text = ""
    while true {
      guard let scalar = next, scalar != "\n" else { throw failure("a string does not end") }
      guard scalar == "\t" || scalar.value >= 0x20 && scalar.value != 0x7F else {
        throw failure("a control character in a string")
      }
      _ = take()
      if scalar == quote { return text }
      if scalar == "\\" && quote == "\"" {
        text.unicodeScalars.append(try escaped())
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
  }

  private mutating func escaped() throws(TOMLError) -> Unicode.Scalar {
    let letter = take()
    switch letter {
    case "b": return "\u{8}"
    case "t": return "\t"
    case "n": return "\n"
    case "f": return "\u{C}"
    case "r": return "\r"
    case "\"", "\\": return letter!
    case "u", "U":
      var digits = ""
      for _ in 0..<(letter == "u" ? 4 : 8) { if let digit = take() { digits.unicodeScalars.append(digit) } }
      guard digits.allSatisfy(\.isHexDigit), digits.count == (letter == "u" ? 4 : 8),
        let value = UInt32(digits, radix: 16),
        let scalar = Unicode.Scalar(value)
      else { throw failure("'\\\(letter!)\(printable(digits))' is no character") }
      return scalar
    default: throw failure("'\\\(letter.map { printable(String($0)) } ?? "")' is no escape")
    }
  }
}
