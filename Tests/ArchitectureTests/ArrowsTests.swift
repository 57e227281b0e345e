import Foundation
import Testing

/// Goal: the modules may only point where the design's arrows point; a wrong `import` fails here before it becomes a habit.
@Suite struct ArrowsTests {
  static let allowed: [String: Set<String>] = [
    "Machine": [],
    "KernelImage": [],
    "Findings": [],
    "Platform": ["Machine", "KernelImage", "Findings"],
    "BareMetal": ["Platform", "Machine", "KernelImage", "Findings"],
    "XenPV": ["Platform", "Machine", "KernelImage", "Findings"],
    "Invariants": ["Platform", "Machine", "Findings"],
    "Hypervisor": ["BareMetal", "Platform", "Machine", "KernelImage", "Findings"],
    "Subjects": ["BareMetal", "XenPV", "Hypervisor", "Platform", "Machine", "KernelImage", "Findings"],
    "Execution": ["Subjects", "Invariants", "Platform", "Machine", "Findings"],
    "Search": ["Execution", "Subjects", "Invariants", "Platform", "Machine", "Findings"],
    "Explorer": [
      "Search", "Execution", "Subjects", "Invariants", "Platform", "Machine", "KernelImage", "Findings",
    ],
    "Thread": [
      "Explorer", "Execution", "Subjects", "Invariants", "Platform", "Machine", "KernelImage", "Findings",
    ],
    "Mutation": ["Explorer", "Search", "Execution", "Subjects", "Machine", "KernelImage", "Findings"],
    "Debugger": ["Explorer", "Execution", "Subjects", "Invariants", "Platform", "Machine", "Findings"],
    "Reports": ["Findings"],
    "LimenCommands": [
      "Debugger", "Mutation", "Thread", "Explorer", "Subjects", "Reports", "Invariants", "Platform", "Machine",
      "KernelImage", "Findings",
    ],
    "limen": ["LimenCommands"],
  ]

  static let rooms = allowed.keys.sorted()

  /// The files of a room, with their text.
  static func files(of room: String) throws -> [(name: String, text: String)] {
    let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources").standardized
    let walk = try #require(
      FileManager.default.enumerator(at: sources.appending(path: room), includingPropertiesForKeys: nil))
    let files = walk.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
    return try files.map { ($0.lastPathComponent, try String(contentsOf: $0, encoding: .utf8)) }
  }

  /// The modules that a file imports.
  static func imports(_ text: String) -> [String] {
    text.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ").map(String.init)
      guard let at = words.firstIndex(of: "import"), at + 1 < words.count, at <= 1 else { return nil }
      return words[at + 1]
    }
  }

  @Test(arguments: rooms)
  func importsFollowTheArrows(room: String) throws {
    let files = try Self.files(of: room)
    #expect(!files.isEmpty, "the room \(room) is empty")
    for (name, text) in files {
      for module in Self.imports(text) where Self.rooms.contains(module) {
        #expect(Self.allowed[room]!.contains(module), "\(name) imports \(module)")
      }
    }
  }

  @Test func oneFileChoosesThePlatform() throws {
    var choosing: [String] = []
    // A hypervisor's own bytes run on bare metal, whoever chose it.
    for room in Self.rooms where room != "Hypervisor" {
      for (name, text) in try Self.files(of: room)
      where !Set(Self.imports(text)).isDisjoint(with: ["BareMetal", "XenPV"]) {
        choosing.append(name)
      }
    }
    #expect(choosing == ["PlatformName+Computer.swift"])
  }

  /// Whoever asks about a run says what happens at its boundaries (`Run.play`), and does not step it.
  @Test(arguments: ["Debugger", "Explorer", "Thread"])
  func nobodyAboveStepsARun(room: String) throws {
    for (name, text) in try Self.files(of: room) {
      for call in [".step()", ".proceed(", ".cross()"] {
        #expect(!text.contains(call), "\(name) calls \(call)")
      }
    }
  }
}
