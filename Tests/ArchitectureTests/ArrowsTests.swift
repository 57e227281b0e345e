import Foundation
import Testing

/// Goal: the modules may only point where the design's arrows point; a wrong `import` fails here before it becomes a habit.
@Suite struct ArrowsTests {
  static let rooms = [
    "Machine", "BareMetal", "XenPV", "KernelImage", "Findings", "Invariants", "Explorer", "Reports", "LimenCommands",
    "limen",
  ]

  static let allowed: [String: Set<String>] = [
    "Machine": [],
    "KernelImage": [],
    "Findings": [],
    "BareMetal": ["Machine"],
    "XenPV": ["Machine"],
    "Invariants": ["Machine", "Findings"],
    "Reports": ["Findings"],
    "Explorer": ["Invariants", "BareMetal", "XenPV", "Machine", "KernelImage", "Findings"],
    "LimenCommands": [
      "Explorer", "Reports", "Invariants", "BareMetal", "XenPV", "Machine", "KernelImage", "Findings",
    ],
    "limen": ["LimenCommands"],
  ]

  @Test(arguments: rooms)
  func importsFollowTheArrows(room: String) throws {
    let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources").standardized
    let folder = sources.appending(path: room)
    guard let walk = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) else { return }
    for case let file as URL in walk where file.pathExtension == "swift" {
      let text = try String(contentsOf: file, encoding: .utf8)
      for line in text.split(separator: "\n") {
        let words = line.split(separator: " ").map(String.init)
        guard let at = words.firstIndex(of: "import"), at + 1 < words.count, at <= 1 else { continue }
        let module = words[at + 1]
        guard Self.rooms.contains(module) else { continue }
        #expect(Self.allowed[room]!.contains(module), "\(file.lastPathComponent) imports \(module)")
      }
    }
  }
}
