import Foundation
import Testing

/// Text that stands beside the tests in `Golden/`. `./dev bless` rewrites it; a file that is missing fails.
enum Golden {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

  static var blessing: Bool { ProcessInfo.processInfo.environment["LIMEN_BLESS"] == "1" }

  static func check(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let file = folder.appending(path: name)
    if blessing { try text.write(to: file, atomically: true, encoding: .utf8) }
    guard let expected = try? String(contentsOf: file, encoding: .utf8) else {
      Issue.record("Golden/\(name) is missing; './dev bless' writes it", sourceLocation: sourceLocation)
      return
    }
    guard text != expected else { return }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let wanted = expected.split(separator: "\n", omittingEmptySubsequences: false)
    let first = zip(lines, wanted).enumerated().first { $1.0 != $1.1 }?.offset ?? min(lines.count, wanted.count)
    let was = first < wanted.count ? wanted[first] : "the end"
    let now = first < lines.count ? lines[first] : "the end"
    Issue.record(
      "Golden/\(name) line \(first + 1)\n  was: \(was)\n  now: \(now)", sourceLocation: sourceLocation)
  }
}
