/// A file of recorded executions: the profile that has to agree, a vendor's plain one or a part's, the processor that was seen, and the lines, under `[integer]`
/// and `[floating]`. Lines that begin with `#` are for the reader.

import Foundation
import Machine

struct Recording {
  var profile: Profile
  var processor: String
  var executions: [RecordedExecution] = []

  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Recorded").standardized

  init(profile: Profile, processor: String) {
    self.profile = profile
    self.processor = processor
  }

  struct Unreadable: Error, CustomStringConvertible {
    var file: String
    var line: Int
    var description: String { "\(file):\(line): no line of a recording" }
  }

  init(contentsOf file: URL) throws {
    let text = try String(contentsOf: file, encoding: .utf8)
    var profile: Profile?
    var processor = ""
    var isFloating = false
    for (i, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let unreadable = Unreadable(file: file.lastPathComponent, line: i + 1)
      switch line {
      case "[integer]": isFloating = false
      case "[floating]": isFloating = true
      case _ where line.isEmpty || line.hasPrefix("#"): break
      case _ where line.hasPrefix("profile "): profile = Profile.named(String(line.dropFirst(8)))
      case _ where line.hasPrefix("processor "): processor = String(line.dropFirst(10))
      default:
        guard let execution = RecordedExecution(line: line, isFloating: isFloating) else { throw unreadable }
        executions.append(execution)
      }
    }
    guard let profile else { throw Unreadable(file: file.lastPathComponent, line: 1) }
    self.profile = profile
    self.processor = processor
  }

  var text: String {
    var lines = [
      "# What a processor made of instructions, recorded by './dev vectors'. Tests/MachineTests/RecordedExecutions says how to read",
      "# a line; Documentation/Oracles.md, \"Recorded executions\", what it is for.",
      "profile \(profile.name)",
      "processor \(processor)",
    ]
    for isFloating in [false, true] {
      lines += ["", isFloating ? "[floating]" : "[integer]"]
      lines += executions.filter { $0.isFloating == isFloating }.map(\.line)
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
