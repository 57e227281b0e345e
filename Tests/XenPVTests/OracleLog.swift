import Foundation

/// The logs of the reference kernel's oracle: what real Xen under QEMU printed, and what has to be printed. They stand
/// beside this file, in Expected/.
enum OracleLog {
  static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Expected")

  /// Of a profile, `amd` or `intel`.
  static func recording(_ profile: String) -> URL { directory.appendingPathComponent("\(profile).txt") }

  static func recorded(_ profile: String) throws -> [String] {
    lines(try String(contentsOf: recording(profile), encoding: .utf8))
  }

  /// The lines that the manuals demand where QEMU goes wrong.
  static func exceptions(_ profile: String) throws -> [String] {
    let file = directory.appendingPathComponent("exceptions.txt")
    return lines(try String(contentsOf: file, encoding: .utf8)).compactMap { line in
      if line.hasPrefix("LIMEN ") { return line }
      return line.hasPrefix(profile + " ") ? String(line.dropFirst(profile.count + 1)) : nil
    }
  }

  /// What Xen prints on a processor that keeps to the manuals: what Limen has to print.
  static func demanded(_ profile: String) throws -> [String] {
    let corrected = Dictionary(uniqueKeysWithValues: try exceptions(profile).map { (name($0), $0) })
    return try recorded(profile).map { corrected[name($0)] ?? $0 }
  }

  /// `LIMEN TOPIC/NAME.MODE`
  static func name(_ line: String) -> String { String(line.prefix { $0 != ":" }) }

  static func lines(_ text: String) -> [String] { text.split(separator: "\n").map(String.init) }
}
