import Findings
import Foundation
import Subjects

/// Where the probe lies: `$LIMEN_PROBE`, beside the program, installed, or where `./dev build` puts it in a checkout.
enum ProbeFile {
  static func load() throws(CommandFailure) -> ProbeImage {
    let path = try find()
    let bytes = try Files.read(path, limit: 1 << 24)
    do { return try ProbeImage(bytes: bytes) } catch { throw CommandFailure(.badInput, path, "\(error)") }
  }

  private static func find() throws(CommandFailure) -> String {
    if let given = ProcessInfo.processInfo.environment["LIMEN_PROBE"], !given.isEmpty { return given }
    if let file = ProgramFolder.find(["probe.elf", "lib/limen/probe.elf", ".build-probe/probe.elf"]) {
      return file.path
    }
    throw CommandFailure(
      .badInput, "probe.elf",
      "not found beside \(ProgramFolder.program.path) or above; build it with ./dev probe, or set LIMEN_PROBE"
    )
  }
}
