import Findings
import Foundation
import Subjects

/// Where the probe lies: `$LIMEN_PROBE`, beside the program, or where `./dev build` puts it in a checkout.
enum ProbeFile {
  static func load() throws(CommandFailure) -> ProbeImage {
    let path = try find()
    let bytes = try Files.read(path, limit: 1 << 24)
    do { return try ProbeImage(bytes: bytes) } catch { throw CommandFailure(.badInput, path, "\(error)") }
  }

  private static func find() throws(CommandFailure) -> String {
    if let given = ProcessInfo.processInfo.environment["LIMEN_PROBE"], !given.isEmpty { return given }
    let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    var folder = program.deletingLastPathComponent()
    var tried: [String] = []
    for _ in 0..<8 {
      for name in ["probe.elf", ".build-probe/probe.elf"] {
        let path = folder.appending(path: name).path
        if FileManager.default.fileExists(atPath: path) { return path }
        tried.append(path)
      }
      if folder.path == "/" { break }
      folder = folder.deletingLastPathComponent()
    }
    throw CommandFailure(
      .badInput, "probe.elf", "not found beside \(program.path) or above; build it with ./dev probe, or set LIMEN_PROBE"
    )
  }
}
