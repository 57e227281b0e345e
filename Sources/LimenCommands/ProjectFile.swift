/// `limen.toml`: what a project always asks. It is found upwards from the working directory, or where LIMEN_CONFIG says (empty: nowhere), and its
/// tables `[check]` and `[diff]` say what options mean that the command line does not name.
import Findings
import Foundation

struct ProjectFile {
  static let name = "limen.toml"
  private static let largest = 1 << 20

  struct Setting {
    var verb: String
    var option: String
    var value: String

    var argument: String { "--\(option)=\(value)" }
  }

  var path: String
  var settings: [Setting]

  /// What may be said of a verb: what it asks, never where it writes.
  static let options: [String: [String]] = [
    "check": [
      "platform", "profile", "crossing", "posture", "event", "host", "ablate", "depth", "memory", "append",
      "section-bound",
      "bound", "baseline",
    ],
    "diff": ["platform", "profile", "crossing", "posture", "event", "memory", "append", "section-bound", "bound"],
  ]

  /// Nil where there is none.
  static func find() throws(CommandFailure) -> ProjectFile? {
    if let named = ProcessInfo.processInfo.environment["LIMEN_CONFIG"] {
      return named.isEmpty ? nil : try ProjectFile(path: named)
    }
    var folder = URL(filePath: FileManager.default.currentDirectoryPath, directoryHint: .isDirectory)
    for _ in 0..<256 {
      let path = folder.appending(path: name).path
      if FileManager.default.fileExists(atPath: path) { return try ProjectFile(path: path) }
      if folder.path == "/" { break }
      folder = folder.deletingLastPathComponent()
    }
    return nil
  }

  init(path: String) throws(CommandFailure) {
    let bytes = try Files.read(path, limit: Self.largest)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CommandFailure(.badInput, path, "not a text in UTF-8")
    }
    let entries: [TOMLReader.Entry]
    do { entries = try TOMLReader.entries(in: text) } catch { throw CommandFailure(.badInput, path, "\(error)") }
    let whole = Files.wholePath(path)
    let folder = String(whole[..<whole.lastIndex(of: "/")!])
    self.path = path
    settings = []
    for entry in entries {
      func refuse(_ problem: String) -> CommandFailure {
        CommandFailure(.badInput, path, "line \(entry.line): \(problem)")
      }
      guard let known = Self.options[entry.table] else {
        let tables = Self.options.keys.sorted().map { "[\($0)]" }.joined(separator: ", ")
        throw refuse(
          entry.table.isEmpty
            ? "'\(entry.key)' stands in no table (\(tables))" : "there is no table [\(entry.table)] (\(tables))")
      }
      guard known.contains(entry.key) else {
        throw refuse("[\(entry.table)] has no '\(entry.key)' (it has: \(known.joined(separator: ", ")))")
      }
      guard var value = Self.text(entry.value) else {
        throw refuse("'\(entry.key)' takes a string, a number or a list of strings")
      }
      if entry.key == "baseline" && !value.hasPrefix("/") { value = "\(folder)/\(value)" }
      settings.append(Setting(verb: entry.table, option: entry.key, value: value))
    }
  }

  private static func text(_ value: TOMLValue) -> String? {
    switch value {
    case .string(let text): return text
    case .integer(let number): return "\(number)"
    case .boolean: return nil
    case .array(let values):
      let words = values.compactMap { if case .string(let text) = $0 { text } else { nil } }
      return words.count == values.count && !words.isEmpty ? words.joined(separator: ",") : nil
    }
  }

  /// The command line with what it leaves open.
  static func completing(_ arguments: [String]) throws(CommandFailure) -> [String] {
    guard let verb = arguments.first, options[verb] != nil, !arguments.contains("--help"), !arguments.contains("-h")
    else { return arguments }
    guard let file = try find() else { return arguments }
    let own = file.settings.filter { setting in
      setting.verb == verb
        && !arguments.contains { $0 == "--\(setting.option)" || $0.hasPrefix("--\(setting.option)=") }
    }
    return [verb] + own.map(\.argument) + arguments.dropFirst()
  }
}
