import Foundation
import Testing

/// Goal: whatever a source file says is not modelled stands in Documentation/Quirks.md, and nothing stands there that no file says.
///
/// The page is written by hand down to its marker; below it are the statements, which `./dev bless` copies out of the sources.
@Suite struct QuirksTests {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
  static let page = root.appending(path: "Documentation/Quirks.md")
  static let marker = "<!-- What follows is copied from the sources by ./dev bless. -->\n"
  static let opening = "Not modelled:"

  /// What a comment says is not modelled: from the opening words to the end of the paragraph, on one line.
  static func statements(in text: String) -> [String] {
    var found: [String] = []
    var open: [Substring]?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      var comment = line.drop { $0 == " " }
      let isComment = comment.hasPrefix("//")
      comment = comment.drop { $0 == "/" }.drop { $0 == " " }
      if let words = open {
        if isComment && !comment.isEmpty {
          open = words + [comment]
        } else {
          found.append(words.joined(separator: " "))
          open = nil
        }
      } else if isComment, let start = comment.range(of: opening) {
        open = [comment[start.upperBound...].drop { $0 == " " }]
      }
    }
    return found
  }

  /// The part of the page below the marker, as the sources have it now.
  static func copied() throws -> String {
    var sections: [String: [String]] = [:]
    let sources = root.appending(path: "Sources")
    let walk = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
    for case let file as URL in walk where file.pathExtension == "swift" {
      let path = file.path.dropFirst(sources.path.count + 1)
      let room = String(path.prefix { $0 != "/" })
      for statement in statements(in: try String(contentsOf: file, encoding: .utf8)) {
        sections[room, default: []].append("- `\(path)`: \(statement)\n")
      }
    }
    return sections.sorted { $0.key < $1.key }.map { "\n## \($0.key)\n\n" + $0.value.sorted().joined() }.joined()
  }

  @Test func thePageHoldsEveryStatement() throws {
    let text = try String(contentsOf: Self.page, encoding: .utf8)
    let end = try #require(text.range(of: Self.marker), "Documentation/Quirks.md has lost its marker")
    let copied = try Self.copied()
    #expect(copied.contains("`Machine/Processor.swift`"), "no statement was found where there is one")
    if ProcessInfo.processInfo.environment["LIMEN_BLESS"] == "1" {
      try (text[..<end.upperBound] + copied).write(to: Self.page, atomically: true, encoding: .utf8)
    } else {
      #expect(text[end.upperBound...] == copied[...], "the sources say otherwise; './dev bless' copies them")
    }
  }

  /// A statement that is spelt otherwise would be missed.
  @Test func statementsAreSpeltAlike() throws {
    let sources = Self.root.appending(path: "Sources")
    let walk = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
    for case let file as URL in walk where file.pathExtension == "swift" {
      let text = try String(contentsOf: file, encoding: .utf8)
      for line in text.split(separator: "\n") where line.lowercased().contains("not modelled") {
        #expect(line.contains(Self.opening), "\(file.lastPathComponent): \(line)")
      }
    }
  }
}
